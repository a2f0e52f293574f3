//! Marks: every report sets the member of its client in statistics to a number that the client uses once, so that an
//! entry of the history names the report that made it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The marks of each client in the order of versions, of which none is missing.
pub(crate) fn committed(history: &[Value]) -> BTreeMap<String, Vec<u64>> {
    let mut marks: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (index, entry) in history.iter().enumerate() {
        assert_eq!(entry["version"], json!(index + 1));
        for change in entry["changes"].as_array().unwrap() {
            let property = change["property"].as_str().unwrap();
            // Members that are no numbers only make a body large.
            if let (Some(client), Some(mark)) = (
                property.strip_prefix("statistics/"),
                change["after"].as_u64(),
            ) {
                let marks = marks.entry(client.to_owned()).or_default();
                assert_eq!(
                    change["before"].as_u64(),
                    marks.last().copied(),
                    "version {}",
                    index + 1
                );
                marks.push(mark);
            }
        }
    }
    marks
}
