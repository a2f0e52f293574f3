//! The metrics that a server exposes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{admin::get, deploy::Shown};

/// The series that a server shows, with their values.
pub(super) struct Metrics(pub(super) BTreeMap<String, f64>);

impl Metrics {
    pub(super) async fn read(admin: &str) -> Self {
        let (status, text) = get(&format!("{admin}/metrics")).await;
        assert_eq!(status, 200);
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let series = lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        Self(series.collect())
    }

    /// The sum of all series of a metric whose labels hold these.
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_meant = |series: &str| {
            let (metric, rest) = series.split_once('{').unwrap_or((series, ""));
            metric == name && labels.iter().all(|label| rest.contains(label))
        };
        let meant = self.0.iter().filter(|(series, _)| is_meant(series));
        meant.map(|(_, value)| value).sum()
    }

    /// Metrics with the names of their labels.
    pub(super) fn shown(&self) -> Shown {
        let mut shown = Shown::new();
        for series in self.0.keys() {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split("\",");
            let names = labels.filter_map(|label| label.split_once("=\""));
            let names = names.map(|(name, _)| name.to_owned());
            shown.insert(name.to_owned(), names.collect());
        }
        shown
    }

    /// Without what histograms add.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let of_a_histogram = ["_bucket", "_sum", "_count"];
        let name = |name: String| {
            let base = of_a_histogram.iter().find_map(|end| name.strip_suffix(end));
            base.map(str::to_owned).unwrap_or(name)
        };
        self.shown().into_keys().map(name).collect()
    }
}
