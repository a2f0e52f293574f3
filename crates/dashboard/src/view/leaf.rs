//! The leaves of JSON values: scalars, arrays and empty objects, each with its path.

use flowruns_domain::json::{JsonObject, JsonValue, Number};

/// The longest text of a value on a page, in code points.
const MAX_CHARS: usize = 200;

/// The names of the members from the outermost object to a value.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct LeafPath(Vec<String>);

/// A leaf of two values, which one of them may be without.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeafPair<'a> {
    /// Where it is.
    pub(crate) path: LeafPath,
    /// In the first value.
    pub(crate) first: Option<&'a JsonValue>,
    /// In the second value.
    pub(crate) second: Option<&'a JsonValue>,
}

impl LeafPath {
    /// The path of the member with these names.
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names, the outermost first.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    /// The path as people read it: names with `/` between them.
    pub(crate) fn shown(&self) -> String {
        self.0.join("/")
    }

    fn child(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }
}

impl LeafPair<'_> {
    /// Whether both values have the same leaf.
    pub(crate) fn is_same(&self) -> bool {
        self.first == self.second
    }
}

/// The value at a path below an object.
pub(crate) fn value_at<'a>(object: &'a JsonObject, path: &LeafPath) -> Option<&'a JsonValue> {
    let (last, outer) = path.names().split_last()?;
    let mut object = object;
    for name in outer {
        let Some(JsonValue::Object(inner)) = object.get(name) else {
            return None;
        };
        object = inner;
    }
    object.get(last)
}

/// The leaves of two values side by side, sorted by path. A null is no leaf.
pub(crate) fn pairs<'a>(
    first: Option<&'a JsonValue>,
    second: Option<&'a JsonValue>,
    path: &LeafPath,
) -> Vec<LeafPair<'a>> {
    let mut found = Vec::new();
    push_pairs(&mut found, not_null(first), not_null(second), path);
    found
}

/// The leaves of the members of two objects side by side, sorted by path.
pub(crate) fn member_pairs<'a>(first: &'a JsonObject, second: &'a JsonObject) -> Vec<LeafPair<'a>> {
    let mut found = Vec::new();
    push_member_pairs(&mut found, Some(first), Some(second), &LeafPath::default());
    found
}

fn not_null(value: Option<&JsonValue>) -> Option<&JsonValue> {
    value.filter(|value| **value != JsonValue::Null)
}

fn push_pairs<'a>(
    found: &mut Vec<LeafPair<'a>>,
    first: Option<&'a JsonValue>,
    second: Option<&'a JsonValue>,
    path: &LeafPath,
) {
    if first.is_none() && second.is_none() {
        return;
    }
    let (first_members, second_members) = (members(first), members(second));
    if first_members.is_none() && second_members.is_none() {
        found.push(LeafPair { path: path.clone(), first, second });
        return;
    }
    // A scalar that became an object, or was one: the scalar and the members are leaves of their own.
    let scalars =
        (first.filter(|_| first_members.is_none()), second.filter(|_| second_members.is_none()));
    if let (Some(_), _) | (_, Some(_)) = scalars {
        found.push(LeafPair { path: path.clone(), first: scalars.0, second: scalars.1 });
    }
    push_member_pairs(found, first_members, second_members, path);
}

/// Merges the sorted members of two objects.
fn push_member_pairs<'a>(
    found: &mut Vec<LeafPair<'a>>,
    first: Option<&'a JsonObject>,
    second: Option<&'a JsonObject>,
    path: &LeafPath,
) {
    let mut firsts = first.into_iter().flat_map(JsonObject::iter).peekable();
    let mut seconds = second.into_iter().flat_map(JsonObject::iter).peekable();
    loop {
        let name = match (firsts.peek(), seconds.peek()) {
            (Some((one, _)), Some((other, _))) => one.min(other).to_string(),
            (Some((one, _)), None) => (*one).to_owned(),
            (None, Some((other, _))) => (*other).to_owned(),
            (None, None) => return,
        };
        let of_first = firsts.next_if(|(one, _)| *one == name).map(|(_, value)| value);
        let of_second = seconds.next_if(|(other, _)| *other == name).map(|(_, value)| value);
        push_pairs(found, not_null(of_first), not_null(of_second), &path.child(&name));
    }
}

/// The members of an object that has some.
fn members(value: Option<&JsonValue>) -> Option<&JsonObject> {
    match value {
        Some(JsonValue::Object(members)) if !members.is_empty() => Some(members),
        _ => None,
    }
}

/// A leaf as a number.
pub(crate) fn number(value: &JsonValue) -> Option<f64> {
    match value {
        JsonValue::Number(number) => Some(number.to_f64()),
        _ => None,
    }
}

/// A number that is an integer, exactly: a double is not every integer of 64 bits.
pub(crate) fn integer(number: Number) -> Option<i128> {
    compact(&JsonValue::Number(number)).parse().ok()
}

/// A number with separators.
pub(crate) fn number_shown(number: Number) -> String {
    grouped(&compact(&JsonValue::Number(number)))
}

/// A leaf in words: numbers with separators, other values as they are, each cut to 200 characters.
pub(crate) fn shown(value: &JsonValue) -> String {
    match value {
        JsonValue::Number(number) => number_shown(*number),
        JsonValue::String(text) => cut(text),
        _ => cut(&compact(value)),
    }
}

/// The first 200 characters of a text, with the number of characters if there are more.
pub(crate) fn cut(text: &str) -> String {
    cut_at(text, MAX_CHARS)
}

/// The first characters of a text, with the number of characters if there are more.
pub(crate) fn cut_at(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let count = grouped(&text.chars().count().to_string());
            format!("{}… ({count} characters)", &text[..end])
        }
    }
}

/// A value as compact JSON.
pub(crate) fn compact(value: &JsonValue) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A number with a comma after every third digit of its integer part, and at most six digits of its fraction.
pub(crate) fn grouped(number: &str) -> String {
    if number.contains(['e', 'E']) {
        return number.to_owned();
    }
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut shown = sign.to_owned();
    for (index, digit) in integer.chars().enumerate() {
        if index > 0 && (integer.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    let fraction = fraction.get(..6).unwrap_or(fraction).trim_end_matches('0');
    if !fraction.is_empty() {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::parse_object;
    use proptest::prelude::*;

    use super::*;

    fn object(json: &str) -> JsonObject {
        parse_object(json.as_bytes()).unwrap()
    }

    fn differences(before: &str, after: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let (before, after) = (object(before), object(after));
        let pairs = member_pairs(&before, &after);
        let changed = pairs.into_iter().filter(|pair| !pair.is_same());
        changed
            .map(|pair| (pair.path.shown(), pair.first.map(compact), pair.second.map(compact)))
            .collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn only_leaves_that_differ_are_differences() {
        let before = r#"{"records":{"read":1,"written":2},"host":"a","gone":true}"#;
        let after = r#"{"records":{"read":3,"written":2},"host":"a","new":[1,2]}"#;
        assert_eq!(
            differences(before, after),
            [
                ("gone".to_owned(), some("true"), None),
                ("new".to_owned(), None, some("[1,2]")),
                ("records/read".to_owned(), some("1"), some("3")),
            ]
        );
    }

    #[test]
    fn a_scalar_that_becomes_an_object_is_removed_and_its_members_are_added() {
        assert_eq!(
            differences(r#"{"a":1}"#, r#"{"a":{"b":2}}"#),
            [("a".to_owned(), some("1"), None), ("a/b".to_owned(), None, some("2"))]
        );
        assert_eq!(
            differences(r#"{"a":{}}"#, r#"{"a":{"b":2}}"#),
            [("a".to_owned(), some("{}"), None), ("a/b".to_owned(), None, some("2"))]
        );
    }

    #[test]
    fn numbers_are_grouped_and_long_texts_are_cut() {
        for (number, expected) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.25", "-1,234,567.25"),
            ("0.1234567", "0.123456"),
            ("1e300", "1e300"),
            ("18446744073709551615", "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), expected);
        }
        let long = "\u{1f600}".repeat(60_000);
        let expected = format!("{}… (60,000 characters)", "\u{1f600}".repeat(200));
        assert_eq!(cut(&long), expected);
        assert_eq!(cut("short"), "short");
    }

    /// An object of a few levels; its names repeat, so that two of them have some in common.
    fn any_object() -> impl Strategy<Value = JsonObject> {
        let scalar = prop_oneof![
            Just(JsonValue::Bool(true)),
            (0..3_u64).prop_map(|number| JsonValue::Number(number.into())),
            "[a-c]{0,2}".prop_map(JsonValue::String),
        ];
        let value = scalar.prop_recursive(3, 24, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|members| JsonValue::Object(members.into_iter().collect()))
        });
        prop::collection::btree_map("[a-d]", value, 0..5)
            .prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn every_leaf_is_found_once_and_at_its_path(first in any_object(), second in any_object()) {
            let pairs = member_pairs(&first, &second);
            for pair in &pairs {
                prop_assert!(pair.first.is_some() || pair.second.is_some());
                if let Some(value) = pair.first {
                    prop_assert_eq!(value_at(&first, &pair.path), Some(value));
                }
                if let Some(value) = pair.second {
                    prop_assert_eq!(value_at(&second, &pair.path), Some(value));
                }
            }
            let mut paths: Vec<_> = pairs.iter().map(|pair| pair.path.clone()).collect();
            paths.sort();
            paths.dedup();
            prop_assert_eq!(paths.len(), pairs.len());
            prop_assert_eq!(pairs.iter().all(LeafPair::is_same), first == second);
        }
    }
}
