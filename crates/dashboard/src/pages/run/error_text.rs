//! A blockingError in the history as text, one line for each part: `code: message`, then each of the details.

use std::{collections::HashSet, hash::Hash};

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
    let (old, new) = (before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
    let (removed, added) = (only_in(old, new), only_in(new, old));
    let shown = |lines: &[&String]| (!lines.is_empty()).then(|| text(None, lines));
    match removed.is_empty() && added.is_empty() {
        // Empty lists differ from no list, and are shown as empty texts.
        true => (before.map(|lines| text(None, &lines)), after.map(|lines| text(None, &lines))),
        false => (shown(&removed), shown(&added)),
    }
}

/// The items that are not among `others`, in their order. Each list may have thousands of them.
fn only_in<'a, T: Eq + Hash>(items: &'a [T], others: &[T]) -> Vec<&'a T> {
    let others: HashSet<&T> = others.iter().collect();
    items.iter().filter(|item| !others.contains(item)).collect()
}

/// An error with its details. Its other members are shown elsewhere on the page.
fn error_text(error: &JsonObject) -> String {
    let first = line(error).unwrap_or_else(|| members(error));
    text(Some(&first), &error.get(DETAILS).map(lines).unwrap_or_default())
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

/// The first line, if there is one, and the first of the details.
fn text(first: Option<&str>, details: &[impl AsRef<str>]) -> String {
    let left_out = details.len().saturating_sub(MAX_DETAILS);
    let rest = (left_out > 0).then(|| format!("and {left_out} more"));
    let details = details.iter().take(MAX_DETAILS).map(AsRef::as_ref);
    let lines: Vec<&str> = first.into_iter().chain(details).chain(rest.as_deref()).collect();
    leaf::cut_at(&lines.join("\n"), MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, hash::Hasher};

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

    fn many_details(code: char, count: usize) -> String {
        let many = (0..count).map(|row| format!(r#"{{"code":"{code}{row}"}}"#));
        format!("[{}]", many.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn ten_details_are_shown_and_the_others_are_counted() {
        let error = format!(r#"{{"code":"rows","details":{}}}"#, many_details('r', 40));
        let ten = |code: char| (0..10).map(|row| format!("{code}{row}\n")).collect::<String>();
        let rest = "and 30 more";
        assert_eq!(error_text(&object(&error)), format!("rows\n{}{rest}", ten('r')));
        let [before, after] = ['r', 's'].map(|code| details(&many_details(code, 40)));
        let change = details_change(Some(&before), Some(&after));
        assert_eq!(change, (Some(ten('r') + rest), Some(ten('s') + rest)));
        let added = details_change(None, Some(&after));
        assert_eq!(added, (None, Some(ten('s') + rest)));
    }

    #[test]
    fn the_comparisons_of_two_lists_grow_with_their_length_alone() {
        struct Counted<'a>(usize, &'a Cell<usize>);
        impl PartialEq for Counted<'_> {
            fn eq(&self, other: &Self) -> bool {
                self.1.update(|comparisons| comparisons + 1);
                self.0 == other.0
            }
        }
        impl Eq for Counted<'_> {}
        impl Hash for Counted<'_> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }
        let comparisons = Cell::new(0);
        let list = |from: usize| (from..from + 4000).map(|n| Counted(n, &comparisons));
        let (items, others) = (list(0).collect::<Vec<_>>(), list(2000).collect::<Vec<_>>());
        assert_eq!(only_in(&items, &others).len(), 2000);
        assert!(comparisons.get() < 3 * 4000, "{} comparisons", comparisons.get());
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
