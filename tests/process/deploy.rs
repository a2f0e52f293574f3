//! The dashboard and the alerts name only metrics that a server exposes.

use std::collections::BTreeMap;

use promql_parser::{
    parser::{self, Expr, VectorSelector},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

const DASHBOARD: &str = include_str!("../../deploy/grafana/flowruns.json");
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");

/// What Prometheus adds to every series, and what a histogram's buckets have.
const ADDED_LABELS: [&str; 2] = ["instance", "le"];

/// Metrics with the names of their labels.
pub(crate) type Shown = BTreeMap<String, Vec<String>>;

/// The expressions of both files, each with its position.
fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            // Grafana fills these in.
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$__rate_interval", "5m");
            all.push((panel["title"].to_string(), expression));
        }
    }
    for document in YamlLoader::load_from_str(ALERTS).unwrap() {
        let rules = |group: &Yaml| group["rules"].as_vec().unwrap().clone();
        for rule in document["groups"].as_vec().unwrap().iter().flat_map(rules) {
            let text = |name: &str| rule[name].as_str().unwrap().to_owned();
            assert!(rule["annotations"]["summary"].as_str().is_some(), "{rule:?}");
            all.push((text("alert"), text("expr")));
        }
    }
    all
}

#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(range) => self.0.push(range.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

/// Fails unless every metric and label that the files name is shown.
pub(crate) fn assert_names(shown: &Shown) {
    let mut named = 0;
    for (location, expression) in expressions() {
        let parsed =
            parser::parse(&expression).unwrap_or_else(|error| panic!("{location}: {error}"));
        let mut selectors = Selectors::default();
        walk_expr(&mut selectors, &parsed).unwrap();
        for selector in selectors.0 {
            let name = selector.name.as_ref().unwrap();
            let labels = shown
                .get(name)
                .unwrap_or_else(|| panic!("{location}: the server shows no metric {name}"));
            for matcher in &selector.matchers.matchers {
                let label = &matcher.name;
                let is_known = labels.contains(label) || ADDED_LABELS.contains(&label.as_str());
                assert!(is_known, "{location}: {name} has no label {label}");
            }
            named += 1;
        }
    }
    assert!(named > 40, "only {named} metrics were found");
}
