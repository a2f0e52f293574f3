//! A blockingError in the history as text, one line for each part: `code: message`, then each of the details.

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    property,
};

use crate::view::leaf::{self, LeafPath};

/// How many of the details are shown.
const MAX_DETAILS: usize = 10;
/// The longest text of an error, in code points.
const MAX_CHARS: usize = 600;
const DETAILS: &str = "details";

/// An error that was added or removed as a whole, before and after; `None` if it is neither.
pub(super) fn whole_error(
    before: &JsonValue,
    after: &JsonValue,
) -> Option<(Option<String>, Option<String>)> {
    match (before, after) {
        (JsonValue::Null, JsonValue::Object(error)) => Some((None, Some(error_text(error)))),
        (JsonValue::Object(error), JsonValue::Null) => Some((Some(error_text(error)), None)),
        _ => None,
    }
}

/// Whether these are the details of a blockingError.
pub(super) fn is_details(path: &LeafPath) -> bool {
    matches!(path.names(), [property, member] if property == property::BLOCKING_ERROR && member == DETAILS)
}

/// The details that only one of two lists has; both as they are if they differ in their order alone.
pub(super) fn details_change(
    before: Option<&JsonValue>,
    after: Option<&JsonValue>,
) -> (Option<String>, Option<String>) {
    let (before, after) = (before.map(lines), after.map(lines));
    let only_in = |lines: &Option<Vec<String>>, others: &Option<Vec<String>>| {
        let is_only = |line: &&String| others.as_ref().is_none_or(|others| !others.contains(line));
        let lines: Option<Vec<String>> =
            lines.as_ref().map(|lines| lines.iter().filter(is_only).cloned().collect());
        lines.filter(|lines| !lines.is_empty())
    };
    let (removed, added) = (only_in(&before, &after), only_in(&after, &before));
    match (&removed, &added) {
        (None, None) => (before.map(text), after.map(text)),
        _ => (removed.map(text), added.map(text)),
    }
}

/// An error with its details. Its other members are shown elsewhere on the page.
fn error_text(error: &JsonObject) -> String {
    let first = line(error).unwrap_or_else(|| members(error));
    let details = error.get(DETAILS).map(lines).unwrap_or_default();
    text([first].into_iter().chain(details).collect())
}

/// A line for each of the details; one for a value that is no list.
fn lines(details: &JsonValue) -> Vec<String> {
    let one = |detail: &JsonValue| match detail {
        JsonValue::Object(detail) => line(detail).unwrap_or_else(|| members(detail)),
        other => leaf::shown(other),
    };
    match details {
        JsonValue::Array(details) => details.iter().map(one).collect(),
        other => vec![one(other)],
    }
}

/// `code: message (target)`, without what is not there; `None` without code and message.
fn line(error: &JsonObject) -> Option<String> {
    let text = |name| match error.get(name) {
        Some(JsonValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let texts: Vec<&str> = [text("code"), text("message")].into_iter().flatten().collect();
    let target = text("target").map(|target| format!(" ({target})")).unwrap_or_default();
    (!texts.is_empty()).then(|| leaf::cut(&(texts.join(": ") + &target)))
}

/// Each leaf with its path.
fn members(object: &JsonObject) -> String {
    let none = JsonObject::default();
    let leaves = leaf::member_pairs(object, &none).into_iter();
    let shown = leaves.filter_map(|pair| {
        Some(format!("{}: {}", pair.path.shown(), pair.first.map(leaf::shown)?))
    });
    leaf::cut(&shown.collect::<Vec<_>>().join(", "))
}

fn text(mut lines: Vec<String>) -> String {
    let left_out = lines.len().saturating_sub(MAX_DETAILS + 1);
    if left_out > 0 {
        lines.truncate(MAX_DETAILS + 1);
        lines.push(format!("and {left_out} more"));
    }
    leaf::cut_at(&lines.join("\n"), MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::parse_object;

    use super::*;

    fn object(json: &str) -> JsonObject {
        parse_object(json.as_bytes()).unwrap()
    }

    fn details(json: &str) -> JsonValue {
        object(&format!(r#"{{"details":{json}}}"#)).get(DETAILS).unwrap().clone()
    }

    #[test]
    fn an_error_is_text_with_a_line_for_each_of_its_details() {
        for (error, expected) in [
            (r#"{"code":"io","message":"closed\nby the source"}"#, "io: closed\nby the source"),
            (
                r#"{"message":"m","details":[{"code":"row","message":"no id","target":"rows/17"},"text",{"row":17,"a":{"b":true}}]}"#,
                "m\nrow: no id (rows/17)\ntext\na/b: true, row: 17",
            ),
            (r#"{"innerError":{"errno":104}}"#, "innerError/errno: 104"),
        ] {
            assert_eq!(error_text(&object(error)), expected);
        }
    }

    #[test]
    fn many_details_are_counted() {
        let many = (0..40).map(|row| format!(r#"{{"code":"r{row}"}}"#)).collect::<Vec<_>>();
        let error = format!(r#"{{"code":"rows","details":[{}]}}"#, many.join(","));
        let text = error_text(&object(&error));
        assert!(text.starts_with("rows\nr0\nr1\n") && text.ends_with("\nand 30 more"), "{text}");
    }

    #[test]
    fn of_two_lists_of_details_what_differs_is_shown() {
        let [one, other] =
            [r#"[{"code":"a"},{"code":"b"}]"#, r#"[{"code":"b"},{"code":"c"}]"#].map(details);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(details_change(Some(&one), Some(&other)), (some("a"), some("c")));
        assert_eq!(details_change(None, Some(&one)), (None, some("a\nb")));
        let reversed = details(r#"[{"code":"b"},{"code":"a"}]"#);
        assert_eq!(details_change(Some(&one), Some(&reversed)), (some("a\nb"), some("b\na")));
    }
}
