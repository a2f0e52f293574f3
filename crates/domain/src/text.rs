//! Excerpts: the part of a client's input that a message quotes.

use std::borrow::Cow;

/// The maximum length of an excerpt, in bytes, without the `…`.
const MAX_BYTES: usize = 128;

/// The text, or its first 128 bytes and `…` if it is longer. Every message that quotes input uses this function, so that the size
/// of responses and log lines does not depend on the size of the input.
///
/// ```
/// use flowruns_domain::text::excerpt;
///
/// assert_eq!(excerpt("rows"), "rows");
/// assert_eq!(excerpt(&"é".repeat(1000)), format!("{}…", "é".repeat(64)));
/// ```
pub fn excerpt(text: &str) -> Cow<'_, str> {
    excerpt_within(text, MAX_BYTES)
}

/// Like [`excerpt`], with another limit, in bytes.
pub fn excerpt_within(text: &str, max_bytes: usize) -> Cow<'_, str> {
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
        assert_eq!(excerpt_within("a\u{1F600}", 3), "a…");
        assert_eq!(excerpt_within("abc", 3), "abc");
    }
}
