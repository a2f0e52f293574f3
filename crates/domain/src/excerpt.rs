//! What a message quotes of a client's input.

use std::borrow::Cow;

/// The longest excerpt, in bytes, without its mark.
const MAX_BYTES: usize = 128;

/// The text, or its beginning and `…` when it is longer than 128 bytes. Every message that quotes input quotes it
/// through this, so that no answer and no log line grows with what was sent.
///
/// ```
/// use flowruns_domain::excerpt;
///
/// assert_eq!(excerpt("rows"), "rows");
/// assert_eq!(excerpt(&"é".repeat(1000)), format!("{}…", "é".repeat(64)));
/// ```
pub fn excerpt(text: &str) -> Cow<'_, str> {
    excerpt_of(text, MAX_BYTES)
}

/// As [`excerpt`] does, with a limit of its own, in bytes.
pub fn excerpt_of(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max_bytes);
    Cow::Owned(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_code_point() {
        let text = "\u{1F600}".repeat(40);
        assert_eq!(excerpt(&text), format!("{}…", "\u{1F600}".repeat(32)));
        assert_eq!(excerpt_of("a\u{1F600}", 3), "a…");
        assert_eq!(excerpt_of("abc", 3), "abc");
    }
}
