//! Why a document cannot be read, in words that tell a client what to send instead.

use std::str;

use thiserror::Error;

use crate::excerpt::excerpt_of;

/// Why a document is refused, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{reason} at line {line} column {column}")]
pub struct InvalidDocument {
    /// What is wrong.
    pub reason: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1; 0 when the line is empty.
    pub column: usize,
}

impl InvalidDocument {
    /// A fault at the byte `offset` of the document.
    pub(super) fn at(document: &[u8], offset: usize, reason: &str) -> Self {
        let before = &document[..offset];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        Self {
            reason: reason.to_owned(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: 1 + offset - line_start,
        }
    }

    /// What serde_json found in a document, in better words where there are some.
    pub fn explained(document: &[u8], error: &serde_json::Error) -> Self {
        if let Some(fault) = Self::of_encoding(document) {
            return fault;
        }
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let reason = message.strip_suffix(&position).unwrap_or(&message);
        let reason = if document.trim_ascii().is_empty() {
            "the body is empty; send a JSON object, such as {}"
        } else if is_no_finite_number(document, line, column) {
            "NaN and Infinity are not JSON; send null, leave the member out, or send a string"
        } else {
            reason
        };
        Self {
            // It may quote the document.
            reason: excerpt_of(reason, 512).into_owned(),
            line,
            column,
        }
    }

    /// Where a document is not UTF-8, and what its encoding may be; `None` if it is UTF-8. UTF-16 has a byte order mark, or
    /// a NUL in each character of ASCII. Anything else that is not UTF-8 is some encoding of one byte for each character.
    pub fn of_encoding(document: &[u8]) -> Option<Self> {
        if matches!(
            document,
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..]
        ) {
            let reason = "the body is UTF-16 or UTF-32; send it as UTF-8";
            return Some(Self::at(document, 0, reason));
        }
        let error = str::from_utf8(document).err()?;
        let reason = "the body is not UTF-8 (it may be Latin-1 or Windows-1252); send it as UTF-8, or escape it as \\u00e9";
        Some(Self::at(document, error.valid_up_to(), reason))
    }
}

/// Whether the word at a position, from which serde_json read one byte or a few, is NaN or an infinity.
fn is_no_finite_number(document: &[u8], line: usize, column: usize) -> bool {
    let text = document.split(|&byte| byte == b'\n').nth(line - 1);
    let text = text.unwrap_or_default();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let position = column.saturating_sub(1).min(text.len());
    let start = text[..position]
        .iter()
        .rposition(|byte| !is_part(byte))
        .map_or(0, |before| before + 1);
    let word = text[start..].split(|byte| !is_part(byte)).next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let word = word
        .strip_prefix(b"-")
        .or(word.strip_prefix(b"+"))
        .unwrap_or(&word);
    matches!(word, b"nan" | b"inf" | b"infinity")
}
