//! Cuts the longest strings of an object that is too large. Each that is cut ends in `… [cut, N bytes]`, where N is the
//! length of the string that was sent, in bytes of UTF-8.

use crate::json::{JsonObject, JsonValue};

const MARK_START: &str = "… [cut, ";
const MARK_END: &str = " bytes]";
/// A string is cut at a code point: up to 5 bytes of what it may have stay unused, and one byte more would be too many.
const ROUNDING: usize = 6;

/// The members, with the longest strings cut to one length so that all of it is at most `limit` bytes of compact JSON.
///
/// What is `stored` stays where it is the cut form of these members, so that a report that is sent again changes nothing.
///
/// # Errors
///
/// The least length that is possible when that is over the limit.
pub(super) fn within(
    limit: usize,
    mut members: JsonObject,
    stored: Option<&JsonObject>,
) -> Result<JsonObject, usize> {
    let length = members.compact_length();
    // Strings that were cut before are shorter than they may be by the rounding, so that a string that was cut beside them
    // may just fit when it is sent again.
    let rounding = ROUNDING * count_cut(&members);
    if length + rounding > limit
        && let Some(stored) = stored
        && is_cut_form(stored, &members)
    {
        return Ok(stored.clone());
    }
    if length > limit {
        let level = level_within(limit, length, &members)?;
        for value in members.values_mut() {
            each_string_mut(value, &mut |text| cut(text, level));
        }
    }
    Ok(members)
}

/// A string by its lengths in JSON, without the quotes.
struct Lengths {
    whole: usize,
    mark: usize,
}

impl Lengths {
    /// At most this long when strings are cut to `level`.
    fn at(&self, level: usize) -> usize {
        self.whole.min(self.mark.max(level))
    }
}

/// The greatest length for strings that keeps the object within the limit.
fn level_within(limit: usize, length: usize, members: &JsonObject) -> Result<usize, usize> {
    let mut strings = Vec::new();
    for (_, value) in members.iter() {
        each_string(value, &mut |text| {
            strings.push(Lengths {
                whole: escaped_length(text),
                mark: mark_length(Cut::of(text).sent),
            });
        });
    }
    let rest = length - strings.iter().map(|string| string.whole).sum::<usize>();
    let total = |level| rest + strings.iter().map(|string| string.at(level)).sum::<usize>();
    let least = total(0);
    if least > limit {
        return Err(least);
    }
    let (mut fits, mut too_much) = (0, limit + 1);
    while too_much - fits > 1 {
        let level = usize::midpoint(fits, too_much);
        match total(level) <= limit {
            true => fits = level,
            false => too_much = level,
        }
    }
    Ok(fits)
}

fn cut(text: &mut String, level: usize) {
    let Cut { kept, sent } = Cut::of(text);
    let most = mark_length(sent).max(level);
    if escaped_length(text) <= most {
        return;
    }
    let mut room = most - mark_length(sent);
    let end = kept.char_indices().find_map(|(at, character)| {
        let length = escaped_length_of(character);
        let fits = length <= room;
        room = room.saturating_sub(length);
        (!fits).then_some(at)
    });
    let end = end.unwrap_or(kept.len());
    text.truncate(end);
    text.push_str(&format!("{MARK_START}{sent}{MARK_END}"));
}

/// A string without the mark of a former cut.
struct Cut<'a> {
    kept: &'a str,
    /// The length that was sent, in bytes of UTF-8.
    sent: usize,
}

impl<'a> Cut<'a> {
    fn of(text: &'a str) -> Self {
        Self::marked(text).unwrap_or(Self {
            kept: text,
            sent: text.len(),
        })
    }

    fn marked(text: &'a str) -> Option<Self> {
        let (kept, sent) = text.strip_suffix(MARK_END)?.rsplit_once(MARK_START)?;
        let is_number = !sent.starts_with('0') && sent.bytes().all(|byte| byte.is_ascii_digit());
        let sent = sent.parse().ok().filter(|_| is_number)?;
        (sent > kept.len()).then_some(Self { kept, sent })
    }
}

/// Whether an object is another one with strings cut; one that is equal is, too.
fn is_cut_form(stored: &JsonObject, whole: &JsonObject) -> bool {
    let same_length = stored.iter().len() == whole.iter().len();
    let mut pairs = stored.iter().zip(whole.iter());
    same_length
        && pairs.all(|((name, one), (other, whole))| name == other && is_cut_value(one, whole))
}

fn is_cut_value(stored: &JsonValue, whole: &JsonValue) -> bool {
    match (stored, whole) {
        (JsonValue::String(stored), JsonValue::String(whole)) => {
            let is_cut = || {
                let (stored, whole) = (Cut::marked(stored)?, Cut::of(whole));
                Some(stored.sent == whole.sent && whole.kept.starts_with(stored.kept))
            };
            stored == whole || is_cut().unwrap_or(false)
        }
        (JsonValue::Array(stored), JsonValue::Array(whole)) => {
            let mut pairs = stored.iter().zip(whole);
            stored.len() == whole.len() && pairs.all(|(one, whole)| is_cut_value(one, whole))
        }
        (JsonValue::Object(stored), JsonValue::Object(whole)) => is_cut_form(stored, whole),
        (stored, whole) => stored == whole,
    }
}

fn count_cut(members: &JsonObject) -> usize {
    let mut count = 0;
    for (_, value) in members.iter() {
        each_string(value, &mut |text| {
            count += usize::from(Cut::marked(text).is_some())
        });
    }
    count
}

fn each_string<'a>(value: &'a JsonValue, visit: &mut impl FnMut(&'a str)) {
    match value {
        JsonValue::String(text) => visit(text),
        JsonValue::Array(items) => items.iter().for_each(|item| each_string(item, visit)),
        JsonValue::Object(members) => {
            members
                .iter()
                .for_each(|(_, member)| each_string(member, visit));
        }
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
    }
}

fn each_string_mut(value: &mut JsonValue, visit: &mut impl FnMut(&mut String)) {
    match value {
        JsonValue::String(text) => visit(text),
        JsonValue::Array(items) => items
            .iter_mut()
            .for_each(|item| each_string_mut(item, visit)),
        JsonValue::Object(members) => {
            members
                .values_mut()
                .for_each(|member| each_string_mut(member, visit));
        }
        JsonValue::Null | JsonValue::Bool(_) | JsonValue::Number(_) => {}
    }
}

/// The length of a mark. None of its characters is escaped.
fn mark_length(sent: usize) -> usize {
    let digits = sent.checked_ilog10().map_or(1, |log| log as usize + 1);
    MARK_START.len() + digits + MARK_END.len()
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
    fn the_length_of_a_string_is_what_serde_json_writes() {
        for character in ('\0'..='\u{ff}').chain(['\u{2028}', '\u{ffff}', '\u{1f600}']) {
            let written = serde_json::to_string(&character.to_string()).unwrap();
            assert_eq!(
                escaped_length_of(character),
                written.len() - 2,
                "{character:?}"
            );
        }
    }

    #[test]
    fn a_mark_is_told_from_text_that_looks_like_one() {
        let marked = |text| Cut::marked(text).map(|cut| (cut.kept, cut.sent));
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
        assert_eq!(mark_length(30), "… [cut, 30 bytes]".len());
        assert_eq!(mark_length(0), "… [cut, 0 bytes]".len());
    }
}
