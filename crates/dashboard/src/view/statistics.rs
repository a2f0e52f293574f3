//! The statistics of a run beside those of another, member by member.

mod selection;

use std::collections::HashSet;

use flowruns_domain::{
    cadence::usual_number,
    json::{JsonObject, JsonValue, Number},
};
use serde::Serialize;

use crate::view::leaf::{self, LeafPair, LeafPath};

/// The most rows of the table; the whole is in the JSON of the page.
pub(crate) const MAX_ROWS: usize = 150;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared<'a> {
    /// The statistics of the run.
    pub(crate) this: &'a JsonObject,
    /// Those of the other run; `None` without one.
    pub(crate) other: Option<&'a JsonObject>,
    /// Those of the runs before it, the newest first.
    pub(crate) earlier: &'a [&'a JsonObject],
    /// Whether unusual values are marked; not while the run goes on.
    pub(crate) is_judged: bool,
    /// Whether only members that differ are wanted.
    pub(crate) only_differences: bool,
}

/// The members of two statistics side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparison {
    /// The rows, by group; members outside of a group come last.
    pub(crate) rows: Vec<MemberRow>,
    /// How many members both have together.
    pub(crate) members: usize,
    /// How many of them differ.
    pub(crate) differing: usize,
    /// How many of them are unusual.
    pub(crate) unusual: usize,
    /// How many rows were left out because they are too many.
    pub(crate) left_out: usize,
}

/// A member in both statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberRow {
    /// The path as people read it.
    pub(crate) path: String,
    /// The names of the objects around it.
    #[serde(skip)]
    pub(crate) group: String,
    /// The name.
    #[serde(skip)]
    pub(crate) name: String,
    /// The id of the row on the page.
    #[serde(skip)]
    pub(crate) anchor: String,
    /// The value in this run.
    #[serde(rename = "value")]
    pub(crate) this: Option<JsonValue>,
    /// The value in the other run.
    #[serde(rename = "compared")]
    pub(crate) other: Option<JsonValue>,
    /// How the values differ.
    pub(crate) change: Change,
    /// The usual value, if the value is unusual for this flow.
    pub(crate) usual: Option<f64>,
    /// The numbers of the runs before and of this run, the oldest first; empty where they say nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) series: Vec<f64>,
}

/// How a value differs from the one it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Change {
    /// There is no run to compare with.
    NotCompared,
    /// Equal.
    Same,
    /// Both are numbers.
    #[serde(rename_all = "camelCase")]
    Number {
        /// This one minus the other.
        difference: f64,
        /// Of the other, in percent; `None` if that is 0.
        percent: Option<f64>,
    },
    /// Other values that differ.
    Differs,
    /// Only this run has it.
    Added,
    /// Only the other run has it.
    Missing,
}

impl MemberRow {
    /// Whether the value is unusual for this flow.
    pub(crate) const fn is_unusual(&self) -> bool {
        self.usual.is_some()
    }
}

impl Change {
    fn between(this: Option<&JsonValue>, other: Option<&JsonValue>) -> Self {
        match (this, other) {
            (Some(_), None) => Self::Added,
            (None, _) => Self::Missing,
            (Some(this), Some(other)) if this == other => Self::Same,
            (Some(JsonValue::Number(this)), Some(JsonValue::Number(other))) => {
                Self::of_numbers(*this, *other)
            }
            (Some(_), Some(_)) => Self::Differs,
        }
    }

    fn of_numbers(this: Number, other: Number) -> Self {
        let difference = match (leaf::integer(this), leaf::integer(other)) {
            // The difference of two large integers may be small, and then only this is exact.
            (Some(this), Some(other)) => (this - other) as f64,
            _ => this.to_f64() - other.to_f64(),
        };
        let other = other.to_f64();
        let percent = (other != 0.0).then(|| difference / other.abs() * 100.0);
        match difference.is_finite() {
            true => {
                Self::Number { difference, percent: percent.filter(|percent| percent.is_finite()) }
            }
            false => Self::Differs,
        }
    }

    /// Whether the values differ.
    pub(crate) const fn is_difference(self) -> bool {
        !matches!(self, Self::NotCompared | Self::Same)
    }
}

/// The members of a run and of another side by side, at most [`MAX_ROWS`]. If there are more, those that differ or are unusual
/// are preferred.
pub(crate) fn compare(compared: &Compared<'_>) -> Comparison {
    let none = JsonObject::default();
    let mut anchors = HashSet::new();
    let pairs = leaf::member_pairs(compared.this, compared.other.unwrap_or(&none));
    let mut rows: Vec<_> = pairs.iter().map(|pair| row(pair, compared, &mut anchors)).collect();
    let is_difference = |row: &MemberRow| row.change.is_difference();
    let (members, differing) = (rows.len(), rows.iter().filter(|row| is_difference(row)).count());
    let unusual = rows.iter().filter(|row| row.is_unusual()).count();
    if compared.only_differences {
        rows.retain(|row| row.change.is_difference() || row.is_unusual());
    }
    let wanted = rows.len();
    selection::keep_most_important(&mut rows);
    selection::keep_sparks(&mut rows);
    // A stable sort: within a group the rows stay sorted by path.
    rows.sort_by(|one, other| {
        (one.group.is_empty(), &one.group).cmp(&(other.group.is_empty(), &other.group))
    });
    Comparison { left_out: wanted - rows.len(), rows, members, differing, unusual }
}

fn row(pair: &LeafPair<'_>, compared: &Compared<'_>, anchors: &mut HashSet<String>) -> MemberRow {
    let LeafPair { path, first: this, second: other } = pair;
    let number = this.and_then(leaf::number);
    let earlier = number.map_or_else(Vec::new, |_| earlier_numbers(path, compared.earlier));
    let usual = usual_number(&earlier).filter(|_| compared.is_judged);
    let unusual = number.zip(usual).filter(|(number, usual)| usual.is_unusual(*number));
    let mut series: Vec<f64> = earlier.into_iter().rev().chain(number).collect();
    if series.len() < 3 || series.iter().all(|number| Some(number) == series.first()) {
        series.clear();
    }
    let (name, group) =
        path.names().split_last().map_or(("", &[][..]), |(name, group)| (name.as_str(), group));
    MemberRow {
        path: path.shown(),
        group: group.join("/"),
        name: name.to_owned(),
        anchor: anchor(path, anchors),
        this: this.cloned(),
        other: other.cloned(),
        change: match compared.other {
            Some(_) => Change::between(*this, *other),
            None => Change::NotCompared,
        },
        usual: unusual.map(|(_, usual)| usual.median),
        series,
    }
}

/// The numbers of a member in the runs before, the newest first.
fn earlier_numbers(path: &LeafPath, earlier: &[&JsonObject]) -> Vec<f64> {
    let values = earlier.iter().filter_map(|statistics| leaf::value_at(statistics, path));
    values.filter_map(leaf::number).collect()
}

/// An id for the row of a path: readable, and different for each path of a page.
fn anchor(path: &LeafPath, taken: &mut HashSet<String>) -> String {
    const MAX_BYTES: usize = 60;
    let text = path.shown();
    let readable = text.chars().map(|character| match character {
        character if character.is_ascii_alphanumeric() || character == '_' => character,
        _ => '-',
    });
    let base = format!("s-{}", readable.take(MAX_BYTES).collect::<String>());
    let mut id = base.clone();
    while !taken.insert(id.clone()) {
        id = format!("{base}.{}", taken.len());
    }
    id
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::parse_object;

    use super::*;

    fn object(json: &str) -> JsonObject {
        parse_object(json.as_bytes()).unwrap()
    }

    fn compared(
        this: &JsonObject,
        other: Option<&JsonObject>,
        earlier: &[&JsonObject],
    ) -> Comparison {
        compare(&Compared { this, other, earlier, is_judged: true, only_differences: false })
    }

    #[test]
    fn members_outside_of_a_group_come_last_and_each_change_has_its_kind() {
        let this = object(
            r#"{"host":"a","records":{"read":30000,"written":5,"zero":3},"zone":{"added":1}}"#,
        );
        let other =
            object(r#"{"host":"b","records":{"read":60000,"written":5,"zero":0},"old":true}"#);
        let comparison = compared(&this, Some(&other), &[]);
        let rows: Vec<_> =
            comparison.rows.iter().map(|row| (row.path.as_str(), row.change)).collect();
        let number = |difference, percent| Change::Number { difference, percent };
        assert_eq!(
            rows,
            [
                ("records/read", number(-30_000.0, Some(-50.0))),
                ("records/written", Change::Same),
                ("records/zero", number(3.0, None)),
                ("zone/added", Change::Added),
                ("host", Change::Differs),
                ("old", Change::Missing),
            ]
        );
        assert_eq!((comparison.members, comparison.differing, comparison.left_out), (6, 5, 0));
    }

    #[test]
    fn the_difference_of_integers_beyond_doubles_is_exact() {
        let (this, other) =
            (object(r#"{"id":9007199254740993}"#), object(r#"{"id":9007199254740992}"#));
        let Change::Number { difference, .. } = compared(&this, Some(&other), &[]).rows[0].change
        else {
            panic!("both are numbers");
        };
        assert_eq!(difference, 1.0);
    }

    #[test]
    fn without_another_run_nothing_differs() {
        let comparison = compared(&object(r#"{"rows":1}"#), None, &[]);
        assert_eq!(comparison.rows[0].change, Change::NotCompared);
        assert_eq!(comparison.differing, 0);
    }

    #[test]
    fn a_value_far_from_those_of_the_runs_before_is_unusual_unless_the_run_goes_on() {
        let earlier: Vec<JsonObject> =
            (0..20).map(|run| object(&format!(r#"{{"rows":{}}}"#, 1000 + run % 3))).collect();
        let earlier: Vec<&JsonObject> = earlier.iter().collect();
        let this = object(r#"{"rows":400}"#);
        let comparison = compared(&this, None, &earlier);
        assert!(comparison.rows[0].is_unusual());
        assert_eq!(comparison.rows[0].series.len(), 21);
        assert_eq!(comparison.rows[0].series.last(), Some(&400.0));
        let running = Compared {
            this: &this,
            other: None,
            earlier: &earlier,
            is_judged: false,
            only_differences: false,
        };
        assert_eq!(compare(&running).unusual, 0);
    }

    #[test]
    fn of_too_many_members_those_that_differ_are_shown() {
        let many = |changed: usize| {
            let value = |member: usize| if member == changed { 1 } else { 0 };
            let members = (0..8000).map(|member| format!(r#""m{member:04}":{}"#, value(member)));
            object(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
        };
        let (this, other) = (many(7000), many(8000));
        let comparison = compared(&this, Some(&other), &[]);
        assert_eq!(comparison.rows.len(), MAX_ROWS);
        assert_eq!(comparison.left_out, 8000 - MAX_ROWS);
        assert!(comparison.rows.iter().any(|row| row.path == "m7000"));
        let only = Compared {
            this: &this,
            other: Some(&other),
            earlier: &[],
            is_judged: true,
            only_differences: true,
        };
        assert_eq!(compare(&only).rows.len(), 1);
    }

    #[test]
    fn anchors_differ_although_their_readable_parts_are_the_same() {
        let comparison = compared(&object(r#"{"a b":1,"a/b":2,"a":{"b":3}}"#), None, &[]);
        let anchors: HashSet<_> = comparison.rows.iter().map(|row| &row.anchor).collect();
        assert_eq!(anchors.len(), 3);
        assert!(anchors.iter().all(|anchor| !anchor.contains(['/', ' ', '"'])));
    }

    #[test]
    fn highlights_begin_with_what_is_unusual_and_leave_out_noise() {
        let earlier: Vec<JsonObject> =
            (0..20).map(|run| object(&format!(r#"{{"rows":{}}}"#, 1000 + run % 3))).collect();
        let earlier: Vec<&JsonObject> = earlier.iter().collect();
        let this = object(r#"{"a":200,"b":101,"rows":400,"version":"2"}"#);
        let other = object(r#"{"a":1,"b":100,"rows":1000,"version":"1"}"#);
        let comparison = compared(&this, Some(&other), &earlier);
        let paths: Vec<_> = comparison.highlights(5).iter().map(|row| row.path.as_str()).collect();
        assert_eq!(paths, ["rows", "a", "version"]);
    }
}
