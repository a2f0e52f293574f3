//! A run as JSON.

use flowruns_client::HistoryEntry;
use serde_json::{Value, json};

use super::Shown;
use crate::{
    leaves::{beside, leaves},
    print::json,
};

impl Shown {
    /// The run with `flowName`, and `history`, `against` and `differences` if they were asked for.
    pub(super) fn document(&self) -> Value {
        let mut document = json::run(&self.run);
        document["flowName"] = json!(self.flow_name);
        document["url"] = json!(self.page);
        if let Some(history) = &self.history {
            document["history"] = history.iter().map(entry).collect();
        }
        if let Some(other) = &self.other {
            let (run, other_leaves) = (leaves(&self.run.statistics), leaves(&other.statistics));
            let differences = beside(&run, &other_leaves).into_iter();
            let differences = differences.filter(|(_, run, other)| run != other);
            document["against"] = json::run(other);
            document["differences"] = differences
                .map(|(path, run, other)| {
                    let value = |leaf: Option<_>| leaf.map(json::value);
                    json!({"member": path, "run": value(run), "against": value(other)})
                })
                .collect();
        }
        document
    }
}

fn entry(entry: &HistoryEntry) -> Value {
    let changes = entry.changes.iter().map(|change| {
        json!({
            "property": change.property,
            "before": json::value(&change.before),
            "after": json::value(&change.after),
        })
    });
    json!({
        "version": entry.version,
        "occurredDateTime": entry.occurred.to_string(),
        "actor": entry.actor,
        "requestId": entry.request.map(|request| request.to_string()),
        "action": entry.action,
        "changes": changes.collect::<Vec<_>>(),
    })
}
