//! Removes what controls a terminal from a text.

use std::{iter::Peekable, str::Chars};

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';
/// Forms of one character of the introducers that follow ESC (ECMA-48).
const CONTROL_SEQUENCE: char = '\u{9b}';
const STRINGS: [char; 5] = ['\u{90}', '\u{98}', '\u{9d}', '\u{9e}', '\u{9f}'];
const STRING_TERMINATOR: char = '\u{9c}';

/// The text as it stands after a terminal has shown it: without escape sequences (ECMA-48) and control characters other than tab and
/// line feed. A line that was written again after a carriage return is left as it was written last.
pub(super) fn without_escapes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut line = 0;
    let mut returns = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => skip_escape(&mut characters),
            CONTROL_SEQUENCE => skip_control_sequence(&mut characters),
            character if STRINGS.contains(&character) => skip_string(&mut characters),
            '\n' => {
                shown.push('\n');
                line = shown.len();
                returns = false;
            }
            '\r' => returns = true,
            '\u{8}' if shown.len() > line => drop(shown.pop()),
            character if character.is_control() && character != '\t' => {}
            character => {
                if returns {
                    shown.truncate(line);
                    returns = false;
                }
                shown.push(character);
            }
        }
    }
    shown
}

fn skip_escape(characters: &mut Peekable<Chars<'_>>) {
    match characters.next_if(|next| next.is_ascii() && !next.is_ascii_control()) {
        Some('[') => skip_control_sequence(characters),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(characters),
        Some(' '..='/') => {
            while characters.next_if(|next| matches!(next, ' '..='/')).is_some() {}
            characters.next_if(|next| matches!(next, '0'..='~'));
        }
        _ => {}
    }
}

fn skip_control_sequence(characters: &mut Peekable<Chars<'_>>) {
    while characters.next_if(|next| matches!(next, ' '..='?')).is_some() {}
    characters.next_if(|next| matches!(next, '@'..='~'));
}

/// Skips a string such as a title or a link. One without an end is skipped up to the end of its line, so that it hides little.
fn skip_string(characters: &mut Peekable<Chars<'_>>) {
    while let Some(character) = characters.next_if(|next| *next != '\n') {
        match character {
            BELL | STRING_TERMINATOR => return,
            ESCAPE => {
                characters.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_control_characters_are_removed() {
        let cases = [
            ("\u{1b}[1;31merror\u{1b}[0m: no rows", "error: no rows"),
            ("\u{1b}]0;a title\u{7}text", "text"),
            ("\u{1b}]8;;https://a.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bplain\u{1b}7\u{1b}M", "plain"),
            ("\u{9b}31mred\u{9b}m \u{9d}title\u{9c}x", "red x"),
            ("\u{1b}]no end\nnext line", "\nnext line"),
            ("a\u{0}b\u{7}c\u{7f}d\u{85}e\tf", "abcde\tf"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}é", "é"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_escapes(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_written_again_is_as_it_was_written_last() {
        let cases = [
            ("10%\r20%\r100%\ndone", "100%\ndone"),
            ("one\r\ntwo\r\r\n", "one\ntwo\n"),
            ("kept\n50%\r", "kept\n50%"),
            ("kept\n50%\r\u{1b}[K", "kept\n50%"),
            ("ab\u{8}c\n\u{8}d", "ac\nd"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_escapes(text), shown, "{text:?}");
        }
    }
}
