//! JSON for people: indented, and cut where it would make a page large.

use flowruns_domain::json::JsonValue;
use maud::{Markup, html};
use serde::Serialize;

/// The most JSON in one place of a page, in bytes.
const MAX_BYTES: usize = 12 * 1024;

/// A JSON value as indented text, cut if it is long.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonText {
    pub(crate) text: String,
    /// The length of the whole, in bytes; `None` if it is the whole.
    pub(crate) cut_from: Option<usize>,
}

impl JsonText {
    /// The text of a value. Control characters and those that change the direction of text are escaped as JSON allows, so that
    /// the text looks like what it is.
    pub(crate) fn new(value: &impl Serialize) -> Self {
        let whole = serde_json::to_string_pretty(value).unwrap_or_default();
        let length = whole.len();
        let is_cut = length > MAX_BYTES;
        let shown = if is_cut { &whole[..whole.floor_char_boundary(MAX_BYTES)] } else { &whole };
        Self { text: escaped(shown), cut_from: is_cut.then_some(length) }
    }
}

/// A value as a block of code.
pub(crate) fn block(value: &JsonValue, label: &str) -> Markup {
    let JsonText { text, cut_from } = JsonText::new(value);
    html! {
        pre.wrap tabindex="0" aria-label=(label) { (text) @if cut_from.is_some() { "…" } }
    }
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if is_hidden(character) => {
                shown.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            character => shown.push(character),
        }
    }
    shown
}

/// Whether a character has no glyph of its own and changes how others look. The line breaks are those of the indentation.
fn is_hidden(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
        || (character.is_control() && character != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_change_the_direction_are_escaped() {
        let text = JsonText::new(&"a\u{202e}b\u{7f}");
        assert_eq!(text.text, "\"a\\u202eb\\u007f\"");
        assert_eq!(text.cut_from, None);
    }

    #[test]
    fn a_long_text_is_cut_at_a_code_point() {
        let text = JsonText::new(&"\u{1f600}".repeat(10_000));
        assert_eq!(text.cut_from, Some(40_002));
        assert!(text.text.len() <= MAX_BYTES && text.text.ends_with('\u{1f600}'));
    }
}
