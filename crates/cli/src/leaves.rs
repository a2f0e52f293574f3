//! The leaves of JSON objects: scalars, arrays and empty objects, each with its path.

use std::collections::BTreeMap;

use flowruns_client::{JsonObject, JsonValue};

/// The leaves by the names of the members that lead to them.
pub(crate) type Leaves<'a> = BTreeMap<Vec<&'a str>, &'a JsonValue>;

/// The leaves of an object.
pub(crate) fn leaves(object: &JsonObject) -> Leaves<'_> {
    let mut found = Leaves::new();
    collect(object, &[], &mut found);
    found
}

fn collect<'a>(object: &'a JsonObject, path: &[&'a str], found: &mut Leaves<'a>) {
    for (name, value) in object.iter() {
        let path = [path, &[name]].concat();
        match value {
            JsonValue::Object(inner) if !inner.is_empty() => collect(inner, &path, found),
            leaf => {
                found.insert(path, leaf);
            }
        }
    }
}

/// A path as people read it.
pub(crate) fn shown(path: &[&str]) -> String {
    path.join("/")
}

/// The paths of both, and what each has there.
pub(crate) fn beside<'a>(
    first: &Leaves<'a>,
    second: &Leaves<'a>,
) -> Vec<(Vec<&'a str>, Option<&'a JsonValue>, Option<&'a JsonValue>)> {
    let mut paths: Vec<_> = first.keys().chain(second.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    let pair = |path: Vec<&'a str>| {
        let (first, second) = (first.get(&path).copied(), second.get(&path).copied());
        (path, first, second)
    };
    paths.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_have_the_names_of_all_members_that_lead_to_them() {
        let first: JsonObject =
            serde_json::from_str(r#"{"a":{"b":1,"c":{}},"a/b":2,"d":[1]}"#).unwrap();
        let second: JsonObject = serde_json::from_str(r#"{"a":{"b":1},"e":null}"#).unwrap();
        let (first, second) = (leaves(&first), leaves(&second));
        let paths: Vec<_> = first.keys().cloned().collect();
        assert_eq!(paths, [vec!["a", "b"], vec!["a", "c"], vec!["a/b"], vec!["d"]]);
        let beside = beside(&first, &second);
        let differing: Vec<_> = beside
            .iter()
            .filter(|(_, one, other)| one != other)
            .map(|(path, ..)| shown(path))
            .collect();
        assert_eq!(differing, ["a/c", "a/b", "d", "e"]);
    }
}
