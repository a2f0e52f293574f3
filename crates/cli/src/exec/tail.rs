//! The end of the output of a command: kept in a ring, and made a text that can be stored and shown.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::escapes::without_escapes;

/// The last bytes that a command wrote, standard output and standard error together.
#[derive(Debug)]
pub(super) struct Tail {
    limit: usize,
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    bytes: VecDeque<u8>,
    /// Whether earlier bytes were dropped.
    is_cut: bool,
}

impl Tail {
    /// Keeps this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ring: Mutex::default() }
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (ring.bytes.len() + kept.len()).saturating_sub(self.limit);
        ring.is_cut |= excess > 0 || kept.len() < bytes.len();
        ring.bytes.drain(..excess);
        ring.bytes.extend(kept);
    }

    /// The bytes as a text without escape sequences and control characters. `None` when nothing is left.
    pub(super) fn text(&self) -> Option<String> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = ring.bytes.iter().copied().collect();
        let bytes = if ring.is_cut { from_a_boundary(&bytes) } else { &bytes };
        let text = without_escapes(&String::from_utf8_lossy(bytes));
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// Begins at a line, if one begins in the first half, else at a character.
fn from_a_boundary(bytes: &[u8]) -> &[u8] {
    let half = &bytes[..bytes.len() / 2];
    if let Some(end_of_line) = half.iter().position(|byte| *byte == b'\n') {
        return &bytes[end_of_line + 1..];
    }
    let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    // A character has at most three continuation bytes; more are no UTF-8.
    let skipped = bytes.iter().take(3).take_while(|byte| is_continuation(byte)).count();
    &bytes[skipped..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(limit: usize, chunks: &[&[u8]]) -> Option<String> {
        let tail = Tail::new(limit);
        for chunk in chunks {
            tail.push(chunk);
        }
        tail.text()
    }

    #[test]
    fn the_last_bytes_are_kept_however_they_arrive() {
        assert_eq!(text(6, &[b"abc", b"def"]).as_deref(), Some("abcdef"));
        assert_eq!(text(6, &[b"abcd", b"efgh"]).as_deref(), Some("cdefgh"));
        assert_eq!(text(6, &[b"x", b"abcdefgh"]).as_deref(), Some("cdefgh"));
        assert_eq!(text(0, &[b"abc"]), None);
        assert_eq!(text(6, &[b" \n\n"]), None);
    }

    #[test]
    fn a_cut_text_begins_at_a_line_or_a_character() {
        assert_eq!(text(12, &[b"first\nsecond\nthird"]).as_deref(), Some("second\nthird"));
        assert_eq!(text(11, &[b"first\nsecond\nthird"]).as_deref(), Some("econd\nthird"));
        assert_eq!(text(11, &[b"first\nab\nthird"]).as_deref(), Some("ab\nthird"));
        assert_eq!(text(3, &["aé€".as_bytes()]).as_deref(), Some("€"));
        assert_eq!(text(4, &["aé€".as_bytes()]).as_deref(), Some("€"));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(text(9, &[b"a\xff\0\xc3b"]).as_deref(), Some("a\u{fffd}\u{fffd}b"));
    }
}
