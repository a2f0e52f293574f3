//! Errors of JSON documents, with messages that tell a client what to send instead.

use std::str;

use thiserror::Error;

use crate::text::excerpt_within;

/// Why a document is rejected, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line} column {column}: {reason}")]
pub struct InvalidDocument {
    /// What is wrong and what to send instead.
    pub reason: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1; 0 when the line is empty.
    pub column: usize,
}

impl InvalidDocument {
    /// An error at the byte `offset` of the document.
    pub(super) fn at(document: &[u8], offset: usize, reason: &str) -> Self {
        let before = &document[..offset];
        let line_start =
            before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        Self {
            reason: reason.to_owned(),
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: 1 + offset - line_start,
        }
    }

    /// An error of serde_json, with a better message if one is known.
    pub fn from_serde(document: &[u8], error: &serde_json::Error) -> Self {
        if let Some(error) = Self::of_other_encoding(document) {
            return error;
        }
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let position = format!(" at line {line} column {column}");
        let reason = message.strip_suffix(&position).unwrap_or(&message);
        if let Some(error) = not_an_object(document, reason) {
            return error;
        }
        let reason = if document.trim_ascii().is_empty() {
            "the body is empty; send a JSON object, such as {}"
        } else if is_not_finite(document, line, column) {
            "NaN and Infinity are not JSON; send null, leave the member out, or send a string"
        } else {
            advice(reason).unwrap_or(reason)
        };
        Self {
            // It may quote the document, so it is limited in size.
            reason: excerpt_within(reason, 512).into_owned(),
            line,
            column,
        }
    }

    /// The error of a document that is not UTF-8; `None` if it is UTF-8. UTF-16 has a byte order mark, or a NUL byte in each ASCII
    /// character. Other documents are assumed to have an encoding with one byte for each character.
    pub fn of_other_encoding(document: &[u8]) -> Option<Self> {
        if matches!(document, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..]) {
            let reason = "the body is UTF-16 or UTF-32; send it as UTF-8";
            return Some(Self::at(document, 0, reason));
        }
        let error = str::from_utf8(document).err()?;
        let reason = "the body is not UTF-8 (it may be Latin-1 or Windows-1252); send it as UTF-8, or escape it as \\u00e9";
        Some(Self::at(document, error.valid_up_to(), reason))
    }
}

/// The error of a document that is not an object. serde_json gives the end of the value, or no position.
fn not_an_object(document: &[u8], reason: &str) -> Option<InvalidDocument> {
    if !reason.starts_with("invalid type") {
        return None;
    }
    let is_content = |byte: &u8| !byte.is_ascii_whitespace();
    let start = document.iter().position(is_content)?;
    let kind = match document[start] {
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        // The document is an object; a value inside it has an unexpected type.
        b'{' => return None,
        _ => "a number",
    };
    let reason = format!("the body is {kind}; send a JSON object, such as {{}}");
    Some(InvalidDocument::at(document, start, &reason))
}

/// The messages for the errors of serde_json, which are identified only by their text.
const ADVICE: [(&str, &str); 19] = [
    ("EOF while parsing a string", "the body ends within a string; send the whole JSON object"),
    ("EOF while parsing a list", "the body ends within an array; send the whole JSON object"),
    ("EOF while parsing an object", "the body ends within an object; send the whole JSON object"),
    (
        "EOF while parsing a value",
        "the body ends where a value must follow; send the whole JSON object",
    ),
    ("expected `:`", "a colon must follow the name of a member; send \"name\": value"),
    (
        "expected `,` or `]`",
        "the items of an array must have commas between them; send a comma, or ] at the end",
    ),
    (
        "expected `,` or `}`",
        "the members of an object must have commas between them; send a comma, or } at the end",
    ),
    ("expected ident", NO_VALUE),
    ("expected value", NO_VALUE),
    ("key must be a string", "the name of a member must be a string; send it in double quotes"),
    ("trailing comma", "a comma has nothing after it; remove it"),
    ("trailing characters", "something follows the JSON object; remove it"),
    (
        "invalid escape",
        "this is no escape of JSON; send one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t, or \\u and four hexadecimal digits",
    ),
    (
        "invalid number",
        "this is no JSON number; send digits as in 1, -0.5 or 2e3, without a leading zero or plus, or a string",
    ),
    (
        "number out of range",
        "the number is out of range; send a finite number of 64 bits, or a string",
    ),
    ("lone leading surrogate in hex escape", LONE_SURROGATE),
    ("unexpected end of hex escape", LONE_SURROGATE),
    (
        "control character (\\u0000-\\u001F) found while parsing a string",
        "a string contains a control character; send it as an escape, such as \\n or \\u0009",
    ),
    (
        "recursion limit exceeded",
        "the body has more than 127 levels; send statistics and blockingError with at most 16",
    ),
];
const NO_VALUE: &str = "this is no JSON value; send an object, an array, a string in double quotes, a number, true, false or null";
const LONE_SURROGATE: &str = "a lone surrogate is no character; send both \\u escapes of the pair, or the character in UTF-8";

/// The message for an error; `None` if it is not one of serde_json's, such as an error of the visitor.
fn advice(reason: &str) -> Option<&'static str> {
    let known = ADVICE.iter().find(|(known, _)| *known == reason);
    known.map(|(_, advice)| *advice)
}

/// Whether the word at a position is NaN or infinity. serde_json stops after its first bytes.
fn is_not_finite(document: &[u8], line: usize, column: usize) -> bool {
    let text = document.split(|&byte| byte == b'\n').nth(line - 1);
    let text = text.unwrap_or_default();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let position = column.saturating_sub(1).min(text.len());
    let start =
        text[..position].iter().rposition(|byte| !is_part(byte)).map_or(0, |before| before + 1);
    let word = text[start..].split(|byte| !is_part(byte)).next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let word = word.strip_prefix(b"-").or(word.strip_prefix(b"+")).unwrap_or(&word);
    matches!(word, b"nan" | b"inf" | b"infinity")
}
