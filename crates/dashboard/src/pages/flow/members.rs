//! Which members of statistics have numbers, and in how many runs.

use std::collections::HashMap;

use flowruns_domain::{
    dashboard::MemberPath,
    json::{JsonObject, JsonValue},
};

/// The most members that are counted; hostile statistics may have thousands, each with another name.
const MAX_MEMBERS: usize = 2000;
/// The most members that a page offers.
const MAX_OFFERED: usize = 24;

/// How many runs have a number in each member.
pub(super) struct Frequency {
    /// By member: the runs, and the position of the member in the first run that has it.
    runs: HashMap<Vec<String>, (usize, usize)>,
}

impl Frequency {
    /// The frequencies in these statistics, the newest first.
    pub(super) fn of(statistics: &[JsonObject]) -> Self {
        let mut frequency = Self { runs: HashMap::new() };
        for members in statistics {
            frequency.count(members, &mut Vec::new());
        }
        frequency
    }

    fn count(&mut self, members: &JsonObject, path: &mut Vec<String>) {
        for (name, value) in members.iter() {
            path.push(name.to_owned());
            match value {
                JsonValue::Object(inner) => self.count(inner, path),
                JsonValue::Number(_) => self.note(path),
                JsonValue::Null
                | JsonValue::Bool(_)
                | JsonValue::String(_)
                | JsonValue::Array(_) => {}
            }
            path.pop();
        }
    }

    fn note(&mut self, path: &[String]) {
        let position = self.runs.len();
        match self.runs.get_mut(path) {
            Some((runs, _)) => *runs += 1,
            None if position < MAX_MEMBERS => {
                self.runs.insert(path.to_vec(), (1, position));
            }
            None => {}
        }
    }

    /// The most frequent members; of equally frequent ones those that come first in the newest run.
    pub(super) fn most_frequent(self) -> Vec<MemberPath> {
        let mut members: Vec<_> = self.runs.into_iter().collect();
        members.sort_by_key(|(_, (runs, position))| (std::cmp::Reverse(*runs), *position));
        // A member whose names are too long for an address has no chart.
        let paths = members.into_iter().filter_map(|(names, _)| MemberPath::new(names).ok());
        paths.take(MAX_OFFERED).collect()
    }
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::object;

    use super::*;

    fn names(statistics: &[&str]) -> Vec<String> {
        let statistics: Vec<JsonObject> = statistics.iter().map(|json| object(json)).collect();
        Frequency::of(&statistics).most_frequent().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_members_that_most_runs_have_come_first() {
        let runs = [
            r#"{"bytes":1,"host":"a","records":{"read":1,"written":2}}"#,
            r#"{"records":{"read":1,"written":2},"retries":3}"#,
            r#"{"records":{"read":1},"list":[1]}"#,
        ];
        assert_eq!(names(&runs), ["records/read", "records/written", "bytes", "retries"]);
    }

    #[test]
    fn of_many_members_only_some_are_offered() {
        let members: Vec<String> = (0..5000).map(|member| format!(r#""m{member}":1"#)).collect();
        assert_eq!(names(&[&format!("{{{}}}", members.join(","))]).len(), MAX_OFFERED);
        assert!(names(&["{}"]).is_empty());
    }
}
