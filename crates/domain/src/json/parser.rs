//! Parses a JSON document from a client: an object, or an error with its line and column.

use crate::json::{invalid_document::InvalidDocument, value::JsonObject};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Parses a JSON object.
///
/// ```
/// use flowruns_domain::json::parse_object;
///
/// assert!(parse_object(br#"{"rows": 1, "rows@odata.type": "Int64"}"#)?.get("rows").is_some());
/// let error = parse_object(b"{\"a\": 1,\n \"a\": 2}").unwrap_err();
/// assert_eq!(error.to_string(), "line 2 column 4: duplicate member \"a\"; send it once");
/// # Ok::<(), flowruns_domain::json::InvalidDocument>(())
/// ```
///
/// A byte order mark at the beginning is skipped.
///
/// # Errors
///
/// [`InvalidDocument`] when the document is not UTF-8, not JSON or not an object; when it has a duplicate member, U+0000, a lone
/// surrogate, trailing bytes or more than 127 levels; or when a number exceeds 64 bits as an integer or the range of a double.
pub fn parse_object(document: &[u8]) -> Result<JsonObject, InvalidDocument> {
    let document = document.strip_prefix(BYTE_ORDER_MARK).unwrap_or(document);
    let object = serde_json::from_slice(document)
        .map_err(|error| InvalidDocument::from_serde(document, &error))?;
    reject_oversized_integers(document)?;
    Ok(object)
}

/// serde_json parses an integer of more than 64 bits as the nearest double, which would change it silently. The document is
/// well-formed here, so anything outside a string that starts like a number is one.
fn reject_oversized_integers(document: &[u8]) -> Result<(), InvalidDocument> {
    let mut at = 0;
    while at < document.len() {
        at = match document[at] {
            b'"' => string_end(document, at),
            b'-' | b'0'..=b'9' => {
                let end = number_end(document, at);
                if is_oversized_integer(&document[at..end]) {
                    let reason = "an integer needs more than 64 bits; send it as a string";
                    return Err(InvalidDocument::at(document, at, reason));
                }
                end
            }
            _ => at + 1,
        };
    }
    Ok(())
}

fn string_end(document: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < document.len() && document[at] != b'"' {
        at += if document[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn number_end(document: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    start + document[start..].iter().take_while(|byte| is_part(byte)).count()
}

fn is_oversized_integer(literal: &[u8]) -> bool {
    const ALWAYS_FITS: usize = 18;
    if literal.len() <= ALWAYS_FITS || literal.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    {
        return false;
    }
    let text = std::str::from_utf8(literal).unwrap_or_default();
    text.parse::<i64>().is_err() && text.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(document: &str) -> String {
        serde_json::to_string(&parse_object(document.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn numbers_are_normalised() {
        assert_eq!(
            compact(
                r#"{"a":1.0,"b":-0.0,"c":1e2,"d":0.1,"e":1e19,"f":1e300,"g":-5e-324,"h":-3.0}"#
            ),
            r#"{"a":1,"b":0,"c":100,"d":0.1,"e":10000000000000000000,"f":1e+300,"g":-5e-324,"h":-3}"#
        );
        assert_eq!(
            compact(r#"{"a":-9223372036854775808,"b":18446744073709551615,"c":1e-400}"#),
            r#"{"a":-9223372036854775808,"b":18446744073709551615,"c":0}"#
        );
    }

    #[test]
    fn annotations_are_ignored_at_every_level_but_must_be_json() {
        assert_eq!(
            compact(
                r##"{"@odata.type":"#x","@x":1,"a":[{"b@odata.c":{},"b@microsoft.graph.c":1,"b@flowruns.c":2,"d":1}]}"##
            ),
            r#"{"a":[{"d":1}]}"#
        );
        assert!(parse_object(br#"{"@a":1,"@a":1}"#).is_err());
    }

    #[test]
    fn a_name_with_an_at_sign_that_is_not_an_annotation_is_kept() {
        let document =
            r#"{"a":{"b@c":{"odata.x@":1}},"alice@example.com":3,"x@odata":4,"y@odatas.z":5}"#;
        assert_eq!(compact(document), document);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_another_encoding_is_rejected() {
        assert_eq!(parse_object(b"\xEF\xBB\xBF{}"), parse_object(b"{}"));
        let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(to_bytes).collect()
        };
        for document in [
            utf16("\u{feff}{}", u16::to_le_bytes),
            utf16("\u{feff}{}", u16::to_be_bytes),
            utf16("{}", u16::to_le_bytes),
            utf16("{}", u16::to_be_bytes),
        ] {
            let error = parse_object(&document).unwrap_err().to_string();
            assert!(error.contains("UTF-16"), "{error}");
            assert!(error.contains("send it as UTF-8"), "{error}");
        }
        for document in [&b"{\"a\":\n \"\xe9\"}"[..], b"{\"a\":\n  \xe9}"] {
            let error = parse_object(document).unwrap_err();
            assert_eq!((error.line, error.column), (2, 3));
            assert!(error.reason.contains("send it as UTF-8"), "{error}");
        }
    }

    #[test]
    fn nan_and_infinity_have_their_own_message() {
        for word in ["NaN", "nan", "Infinity", "-Infinity", "+inf", "-NaN"] {
            for document in
                [format!("{{\"a\":{word}}}"), format!("{{\"a\":1,\n\"b\": [{word} , 1]}}")]
            {
                let error = parse_object(document.as_bytes()).unwrap_err().to_string();
                assert!(error.contains(": NaN and Infinity are not JSON; "), "{document}: {error}");
            }
        }
        let error = parse_object(br#"{"a":"NaN","b":nul}"#).unwrap_err().to_string();
        assert!(error.contains(": this is no JSON value; send"), "{error}");
    }

    #[test]
    fn an_error_names_line_and_column() {
        let cases = [
            ("", "1 0: the body is empty; send a JSON object"),
            ("[]", "1 1: the body is an array; send a JSON object"),
            (" \n \"a\"", "2 2: the body is a string; send a JSON object"),
            ("null", "1 1: the body is null; send a JSON object"),
            ("true", "1 1: the body is a boolean; send a JSON object"),
            ("-1.5", "1 1: the body is a number; send a JSON object"),
            ("{\"a\":1,\n  }", "2 3: a comma has nothing after it; remove it"),
            ("{} x", "1 4: something follows the JSON object; remove it"),
            (r#"{"a":"\ud800"}"#, "1 13: a lone surrogate is no character; send both"),
            (r#"{"a":"\udc00x"}"#, "1 12: a lone surrogate is no character; send both"),
            (r#"{"a":"\ud800\u0041"}"#, "1 18: a lone surrogate is no character; send both"),
            (
                r#"{"a":"\u0000"}"#,
                "1 13: a string contains U+0000, which cannot be stored; remove it",
            ),
            (
                r#"{"a\u0000":1}"#,
                "1 10: a string contains U+0000, which cannot be stored; remove it",
            ),
            (
                r#"{"a":1e999}"#,
                "1 10: the number is out of range; send a finite number of 64 bits, or a string",
            ),
            (
                "{\"a\":\n [-9223372036854775809]}",
                "2 3: an integer needs more than 64 bits; send it as a string",
            ),
            (
                r#"{"a\"1":18446744073709551616}"#,
                "1 9: an integer needs more than 64 bits; send it as a string",
            ),
            (r#"{"a":1,"a":1}"#, "1 10: duplicate member \"a\"; send it once"),
            ("{a:1}", "1 2: the name of a member must be a string; send it in double quotes"),
            ("{'a':1}", "1 2: the name of a member must be a string; send it in double quotes"),
            (r#"{"a" 1}"#, "1 6: a colon must follow the name of a member; send"),
            (r#"{"a":'b'}"#, "1 6: this is no JSON value; send"),
            (r#"{"a":True}"#, "1 6: this is no JSON value; send"),
            (r#"{"a":1 "b":2}"#, "1 8: the members of an object must have commas"),
            (r#"{"a":[1 2]}"#, "1 9: the items of an array must have commas"),
            (r#"{"a":01}"#, "1 7: this is no JSON number; send digits"),
            (r#"{"a":"\x"}"#, "1 8: this is no escape of JSON; send one of"),
            ("{\"a\":\"\t\"}", "1 7: a string contains a control character; send it as an escape"),
            (r#"{"a":"#, "1 5: the body ends where a value must follow; send the whole"),
            (r#"{"a":1"#, "1 6: the body ends within an object; send the whole"),
            (r#"{"a":[1"#, "1 7: the body ends within an array; send the whole"),
            (r#"{"a":"b"#, "1 7: the body ends within a string; send the whole"),
        ];
        for (document, expected) in cases {
            let error = parse_object(document.as_bytes()).unwrap_err();
            let found = format!("{} {}: {}", error.line, error.column, error.reason);
            assert!(found.starts_with(expected), "{document}: {found}");
            let position = format!("line {} column {}: ", error.line, error.column);
            assert_eq!(error.to_string(), format!("{position}{}", error.reason));
        }
        let deep = format!("{{\"a\":{}", "[".repeat(128));
        let error = parse_object(deep.as_bytes()).unwrap_err();
        assert!(error.reason.contains("with at most 16"), "{error}");
    }

    #[test]
    fn a_merge_removes_nulls_and_replaces_arrays() {
        let mut object = parse_object(br#"{"a":{"b":1,"c":[1,2]},"d":1}"#).unwrap();
        object.merge(
            &parse_object(br#"{"a":{"b":null,"c":[null],"e":{"f":null}},"d":{"g":null}}"#).unwrap(),
        );
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"a":{"c":[null],"e":{}},"d":{}}"#);
        assert_eq!((object.depth(), object.compact_length()), (3, 32));
    }
}
