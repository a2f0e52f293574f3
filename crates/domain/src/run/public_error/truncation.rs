//! Truncates the longest strings of an object that is too large. A truncated string ends with the marker `… [cut, N bytes]`, where N
//! is the length of the sent string in bytes of UTF-8.

use crate::json::value::{JsonObject, JsonValue};

const MARKER_START: &str = "… [cut, ";
const MARKER_END: &str = " bytes]";
/// A string is truncated between code points, so up to 5 bytes of its limit stay unused.
const ROUNDING: usize = 6;

/// Truncates the longest strings to the same length, so that the object has at most `limit` bytes of compact JSON.
///
/// If `stored` is the truncated form of these members, it is returned, so that a repeated report changes nothing.
///
/// # Errors
///
/// The size with all strings truncated, in bytes, if it exceeds the limit.
pub(super) fn truncate(
    limit: usize,
    mut members: JsonObject,
    stored: Option<&JsonObject>,
) -> Result<JsonObject, usize> {
    let length = members.compact_length();
    // Strings that were truncated before are shorter than their limit by the rounding. When another string is sent again, the
    // object may fit without truncation only because of that.
    let rounding = ROUNDING * count_truncated(&members);
    if length + rounding > limit
        && let Some(stored) = stored
        && is_truncated_form(stored, &members)
    {
        return Ok(stored.clone());
    }
    if length > limit {
        let level = level_within(limit, length, &members)?;
        for value in members.values_mut() {
            each_string_mut(value, &mut |text| truncate_text(text, level));
        }
    }
    Ok(members)
}

/// The lengths of a string and of its marker in JSON, without the quotes.
struct Lengths {
    whole: usize,
    marker: usize,
}

impl Lengths {
    /// The maximum length of the string when strings are truncated to `level`.
    fn at(&self, level: usize) -> usize {
        self.whole.min(self.marker.max(level))
    }
}

/// The greatest length of strings with which the object stays within the limit.
fn level_within(limit: usize, length: usize, members: &JsonObject) -> Result<usize, usize> {
    let mut strings = Vec::new();
    for (_, value) in members.iter() {
        each_string(value, &mut |text| {
            strings.push(Lengths {
                whole: escaped_length(text),
                marker: marker_length(SentText::of(text).sent),
            });
        });
    }
    let rest = length - strings.iter().map(|string| string.whole).sum::<usize>();
    let total = |level| rest + strings.iter().map(|string| string.at(level)).sum::<usize>();
    let least = total(0);
    if least > limit {
        return Err(least);
    }
    let (mut fits, mut too_long) = (0, limit + 1);
    while too_long - fits > 1 {
        let level = usize::midpoint(fits, too_long);
        match total(level) <= limit {
            true => fits = level,
            false => too_long = level,
        }
    }
    Ok(fits)
}

fn truncate_text(text: &mut String, level: usize) {
    let SentText { kept, sent } = SentText::of(text);
    let most = marker_length(sent).max(level);
    if escaped_length(text) <= most {
        return;
    }
    let mut remaining = most - marker_length(sent);
    let end = kept.char_indices().find_map(|(at, character)| {
        let length = escaped_length_of(character);
        let fits = length <= remaining;
        remaining = remaining.saturating_sub(length);
        (!fits).then_some(at)
    });
    let end = end.unwrap_or(kept.len());
    text.truncate(end);
    text.push_str(&format!("{MARKER_START}{sent}{MARKER_END}"));
}

/// A string without the marker of an earlier truncation.
struct SentText<'a> {
    kept: &'a str,
    /// The length that was sent, in bytes of UTF-8.
    sent: usize,
}

impl<'a> SentText<'a> {
    fn of(text: &'a str) -> Self {
        Self::marked(text).unwrap_or(Self { kept: text, sent: text.len() })
    }

    fn marked(text: &'a str) -> Option<Self> {
        let (kept, sent) = text.strip_suffix(MARKER_END)?.rsplit_once(MARKER_START)?;
        let is_number = !sent.starts_with('0') && sent.bytes().all(|byte| byte.is_ascii_digit());
        let sent = sent.parse().ok().filter(|_| is_number)?;
        (sent > kept.len()).then_some(Self { kept, sent })
    }
}

/// Whether an object is another one with strings truncated, or equals it.
fn is_truncated_form(stored: &JsonObject, whole: &JsonObject) -> bool {
    let same_length = stored.iter().len() == whole.iter().len();
    let mut pairs = stored.iter().zip(whole.iter());
    same_length
        && pairs
            .all(|((name, one), (other, whole))| name == other && is_truncated_value(one, whole))
}

fn is_truncated_value(stored: &JsonValue, whole: &JsonValue) -> bool {
    match (stored, whole) {
        (JsonValue::String(stored), JsonValue::String(whole)) => {
            let is_truncated = || {
                let (stored, whole) = (SentText::marked(stored)?, SentText::of(whole));
                Some(stored.sent == whole.sent && whole.kept.starts_with(stored.kept))
            };
            stored == whole || is_truncated().unwrap_or(false)
        }
        (JsonValue::Array(stored), JsonValue::Array(whole)) => {
            let mut pairs = stored.iter().zip(whole);
            stored.len() == whole.len() && pairs.all(|(one, whole)| is_truncated_value(one, whole))
        }
        (JsonValue::Object(stored), JsonValue::Object(whole)) => is_truncated_form(stored, whole),
        (stored, whole) => stored == whole,
    }
}

fn count_truncated(members: &JsonObject) -> usize {
    let mut count = 0;
    for (_, value) in members.iter() {
        each_string(value, &mut |text| count += usize::from(SentText::marked(text).is_some()));
    }
    count
}

fn each_string<'a>(value: &'a JsonValue, visit: &mut impl FnMut(&'a str)) {
    match value {
        JsonValue::String(text) => visit(text),
        JsonValue::Array(items) => items.iter().for_each(|item| each_string(item, visit)),
        JsonValue::Object(members) => {
            members.iter().for_each(|(_, member)| each_string(member, visit));
        }
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
    }
}

fn each_string_mut(value: &mut JsonValue, visit: &mut impl FnMut(&mut String)) {
    match value {
        JsonValue::String(text) => visit(text),
        JsonValue::Array(items) => items.iter_mut().for_each(|item| each_string_mut(item, visit)),
        JsonValue::Object(members) => {
            members.values_mut().for_each(|member| each_string_mut(member, visit));
        }
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
    }
}

/// The length of a marker in JSON. None of its characters is escaped.
fn marker_length(sent: usize) -> usize {
    let digits = sent.checked_ilog10().map_or(1, |log| log as usize + 1);
    MARKER_START.len() + digits + MARKER_END.len()
}

/// The length of a string in JSON, without the quotes.
fn escaped_length(text: &str) -> usize {
    text.chars().map(escaped_length_of).sum()
}

fn escaped_length_of(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => "\\u0000".len(),
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_escaped_length_is_the_length_that_serde_json_writes() {
        for character in ('\0'..='\u{ff}').chain(['\u{2028}', '\u{ffff}', '\u{1f600}']) {
            let written = serde_json::to_string(&character.to_string()).unwrap();
            assert_eq!(escaped_length_of(character), written.len() - 2, "{character:?}");
        }
    }

    #[test]
    fn only_a_valid_marker_is_recognized() {
        let marked = |text| SentText::marked(text).map(|text| (text.kept, text.sent));
        assert_eq!(marked("ab… [cut, 30 bytes]"), Some(("ab", 30)));
        assert_eq!(marked("… [cut, 1 bytes]"), Some(("", 1)));
        for text in [
            "ab… [cut, 2 bytes]",
            "ab… [cut, 030 bytes]",
            "ab… [cut, +30 bytes]",
            "ab… [cut, bytes]",
            "ab… [cut, 99999999999999999999999 bytes]",
            "ab… [cut, 30 bytes].",
            "ab",
        ] {
            assert_eq!(marked(text), None, "{text}");
        }
        assert_eq!(marker_length(30), "… [cut, 30 bytes]".len());
        assert_eq!(marker_length(0), "… [cut, 0 bytes]".len());
    }
}
