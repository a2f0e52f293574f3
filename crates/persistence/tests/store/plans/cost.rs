//! The cost of a plan.

use serde_json::Value;

/// The rows and pages that a plan reads, and the rows that it sorts.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// The nodes that read tables.
    pub(super) scans: Vec<String>,
    /// The rows that it reads, including those that it filters out.
    pub(super) rows_read: f64,
    pub(super) rows_sorted: f64,
    /// The pages of tables and indexes that it reads. Skipped entries of an index show only here.
    pub(super) pages: f64,
}

impl Cost {
    /// Of the output of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON).
    pub(super) fn of(plan: &str) -> Self {
        let plan: Value = serde_json::from_str(plan).unwrap();
        let root = &plan[0]["Plan"];
        let mut cost = Self {
            // The pages of a node include those of its children.
            pages: number(root, "Shared Hit Blocks") + number(root, "Shared Read Blocks"),
            ..Self::default()
        };
        cost.add(root);
        cost
    }

    fn add(&mut self, node: &Value) {
        let kind = node["Node Type"].as_str().unwrap();
        let loops = number(node, "Actual Loops");
        if kind.contains("Scan") && node["Relation Name"].is_string() {
            let removed = number(node, "Rows Removed by Filter")
                + number(node, "Rows Removed by Index Recheck");
            self.rows_read += loops * (number(node, "Actual Rows") + removed);
            self.scans.push(kind.to_owned());
        }
        if kind.contains("Sort") {
            self.rows_sorted += loops * number(node, "Actual Rows");
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.add(child);
        }
    }
}

fn number(node: &Value, name: &str) -> f64 {
    node[name].as_f64().unwrap_or_default()
}
