//! Texts of other people, made harmless for a terminal.

use std::borrow::Cow;

/// A text with all characters escaped that could control a terminal, hide a part of a line or change its order: names and messages
/// come from anyone who may report. Line breaks are escaped too.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            character if is_harmful(character) => cleaned.extend(character.escape_default()),
            character => cleaned.push(character),
        }
    }
    Cow::Owned(cleaned)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the characters that change the direction of a text.
pub(super) fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_escaped_and_nothing_else() {
        assert_eq!(clean("\u{1b}[31mred"), "\\u{1b}[31mred");
        assert_eq!(clean("a\u{9b}2Jb\u{7f}"), "a\\u{9b}2Jb\\u{7f}");
        assert_eq!(clean("a\r\n\tb"), "a\\r\\n\\tb");
        assert_eq!(clean("\u{202e}txt"), "\\u{202e}txt");
        for text in ["Rosters 📚 of März", "naïve", "日本語", "a\\b", "👩‍👩‍👧"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
