//! The compact text of JSON: no white space, members sorted by name, numbers and strings in one form. Two values are equal exactly
//! if their compact texts are.

use std::borrow::Cow;

use serde::Serialize;

use crate::json::{value::JsonValue, visitor::is_annotation};

/// The text of a value, of an object or of a name.
#[expect(
    clippy::expect_used,
    reason = "a string takes all that is written, and JSON has a form for every value of these types"
)]
pub(crate) fn compact(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a JSON value has a text")
}

/// Whether a text is the compact text of an object with at most this number of levels. If not, it may still be JSON.
pub(crate) fn is_compact_object(text: &str, max_levels: usize) -> bool {
    let mut scanner = Scanner { text, at: 0 };
    scanner.object(max_levels).is_some() && scanner.at == text.len()
}

/// Reads a text from the start; `None` where it is not compact.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_if(&mut self, expected: u8) -> bool {
        let is_expected = self.byte() == Some(expected);
        self.at += usize::from(is_expected);
        is_expected
    }

    fn skip(&mut self, expected: u8) -> Option<()> {
        self.skip_if(expected).then_some(())
    }

    fn value(&mut self, levels: usize) -> Option<()> {
        match self.byte()? {
            b'{' => self.object(levels),
            b'[' => self.array(levels),
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, levels: usize) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        self.skip(b'{')?;
        if self.skip_if(b'}') {
            return Some(());
        }
        let mut previous: Option<Cow<'_, str>> = None;
        loop {
            let name = self.string()?;
            let is_sorted = previous.is_none_or(|previous| previous < name);
            if !is_sorted || is_annotation(&name) {
                return None;
            }
            self.skip(b':')?;
            self.value(levels)?;
            if !self.skip_if(b',') {
                return self.skip(b'}');
            }
            previous = Some(name);
        }
    }

    fn array(&mut self, levels: usize) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        self.skip(b'[')?;
        if self.skip_if(b']') {
            return Some(());
        }
        loop {
            self.value(levels)?;
            if !self.skip_if(b',') {
                return self.skip(b']');
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// The content of a string. One with escapes is compact if it would be written the same way again.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let literal = StringLiteral::at(&self.text[self.at..])?;
        self.at += literal.text.len();
        let content = literal.content()?;
        let is_compact = match &content {
            // It has no control characters.
            Cow::Borrowed(_plain) => true,
            Cow::Owned(unescaped) => {
                !unescaped.contains('\0') && compact(unescaped) == literal.text
            }
        };
        is_compact.then_some(content)
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let literal = &rest[..rest.bytes().take_while(is_part).count()];
        self.at += literal.len();
        is_compact_number(literal).then_some(())
    }
}

/// Most numbers are short integers, which need no conversion.
fn is_compact_number(literal: &str) -> bool {
    const ALWAYS_FITS: usize = 18;
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.as_bytes() {
        [] => false,
        [b'0'] => literal == "0",
        [b'1'..=b'9', ..] if is_integer && digits.len() <= ALWAYS_FITS => true,
        _ => serde_json::from_str::<JsonValue>(literal)
            .is_ok_and(|number| compact(&number) == literal),
    }
}

/// A member of an object in its compact text.
pub(crate) struct CompactMember<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Name, colon and value.
    pub(crate) whole: &'a str,
    pub(crate) value: &'a str,
    /// The levels of the value.
    pub(crate) depth: usize,
}

/// The members of an object, given its compact text. In a text that is not compact some may be missing.
pub(crate) struct CompactMembers<'a> {
    /// What follows the members that were returned.
    rest: &'a str,
}

impl<'a> CompactMembers<'a> {
    pub(crate) fn of(object: &'a str) -> Self {
        Self { rest: object }
    }
}

impl<'a> Iterator for CompactMembers<'a> {
    type Item = CompactMember<'a>;

    fn next(&mut self) -> Option<CompactMember<'a>> {
        // A brace or a comma comes before each member.
        let member = self.rest.get(1..)?;
        let name = StringLiteral::at(member)?;
        let value = name.text.len() + 1;
        let (length, depth) = value_length(member.get(value..)?)?;
        let end = value + length;
        self.rest = &member[end..];
        Some(CompactMember {
            name: name.content()?,
            whole: &member[..end],
            value: &member[value..end],
            depth,
        })
    }
}

/// A string with its quotes.
struct StringLiteral<'a> {
    text: &'a str,
    has_escapes: bool,
}

impl<'a> StringLiteral<'a> {
    /// The string that a text begins with. One with a control character is none, unless it is escaped: `content` rejects that one.
    fn at(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (mut at, mut has_escapes) = (1, false);
        if bytes.first() != Some(&b'"') {
            return None;
        }
        loop {
            at += plain_length(bytes.get(at..)?);
            match *bytes.get(at)? {
                b'"' => return Some(Self { text: &text[..=at], has_escapes }),
                b'\\' => at += 2,
                _control => return None,
            }
            has_escapes = true;
        }
    }

    fn content(&self) -> Option<Cow<'a, str>> {
        match self.has_escapes {
            false => Some(Cow::Borrowed(&self.text[1..self.text.len() - 1])),
            true => serde_json::from_str(self.text).ok().map(Cow::Owned),
        }
    }
}

/// The number of bytes before the first quotation mark, backslash or control character. Looks at eight bytes at a time.
fn plain_length(bytes: &[u8]) -> usize {
    let (words, _rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let special = first_special(u64::from_le_bytes(*word));
        if special < size_of::<u64>() {
            return index * size_of::<u64>() + special;
        }
    }
    let searched = words.len() * size_of::<u64>();
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | ..b' ');
    searched + bytes[searched..].iter().take_while(is_plain).count()
}

/// The index of the first quotation mark, backslash or control character among the bytes of a word, the lowest first; 8 if there is
/// none. A subtraction borrows only from bytes after one that was found, so the lowest bit that is set is right.
const fn first_special(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x80 * ONES;
    const fn below(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(ONES * limit as u64) & !word
    }
    let quotes = below(word ^ (ONES * b'"' as u64), 1);
    let backslashes = below(word ^ (ONES * b'\\' as u64), 1);
    let special = (quotes | backslashes | below(word, b' ')) & HIGH_BITS;
    (special.trailing_zeros() / u8::BITS) as usize
}

/// The length of the value that a text begins with, and its levels.
fn value_length(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'"' => Some((StringLiteral::at(text)?.text.len(), 0)),
        b'{' | b'[' => nested_length(text),
        _ => Some((bytes.iter().position(|byte| matches!(byte, b',' | b'}' | b']'))?, 0)),
    }
}

/// As [`value_length`], for an object or an array.
fn nested_length(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut at, mut open, mut depth) = (0, 0, 0);
    loop {
        match *bytes.get(at)? {
            b'"' => at += StringLiteral::at(&text[at..])?.text.len() - 1,
            b'{' | b'[' => {
                open += 1;
                depth = depth.max(open);
            }
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some((at, depth));
        }
    }
}

#[cfg(test)]
mod tests;
