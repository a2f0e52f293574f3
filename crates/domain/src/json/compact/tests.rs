use super::*;
use crate::json::parser::parse_object;

#[test]
fn only_the_compact_text_is_recognised() {
    for text in [
        "{}",
        r#"{"a":1}"#,
        r#"{"":-1,"a b":[true,false,null,{},[]],"b":{"c":{"d":[[0]]}}}"#,
        r#"{"a":0.5,"b":1e+300,"c":-5e-324,"d":18446744073709551615,"e":-9223372036854775808}"#,
        r#"{"a\"b":"\\ \n \t é € 𝄞 /","alice@example.com":"\u001f"}"#,
    ] {
        assert!(is_compact_object(text, 16), "{text}");
        let object = parse_object(text.as_bytes()).unwrap();
        assert_eq!(compact(&object), text);
    }
    for text in [
        "",
        "[]",
        "1",
        "{",
        "{} ",
        r#"{"a": 1}"#,
        r#"{"a":1,}"#,
        r#"{"a":1 }"#,
        r#"{"b":1,"a":2}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1,"a":2}}"#,
        r#"{"a":[{"b":1,"b":2}]}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":1.0}"#,
        r#"{"a":-0}"#,
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":1E2}"#,
        r#"{"a":1e300}"#,
        r#"{"a":1e999}"#,
        r#"{"a":100000000000000000000}"#,
        r#"{"a":tru}"#,
        r#"{"a":"\u0041"}"#,
        r#"{"a":"\/"}"#,
        r#"{"a":"\u001F"}"#,
        r#"{"a":"\u0000"}"#,
        "{\"a\":\"\t\"}",
        "{\"a\":\"12345678\t\"}",
        "{\"a\":\"\\\t\"}",
        r#"{"a":"\é"}"#,
        r#"{"a":"\"#,
        r#"{"a":"b\""#,
        r#"{"a":"1234567\"#,
        r#"{"a":"b}"#,
        r#"{"a"}"#,
        r#"{"@odata.type":"x"}"#,
        r#"{"a":{"b@odata.type":"x"}}"#,
    ] {
        assert!(!is_compact_object(text, 16), "{text}");
    }
}

#[test]
fn the_levels_are_bounded() {
    assert!(is_compact_object(r#"{"a":[{}]}"#, 3));
    assert!(!is_compact_object(r#"{"a":[{}]}"#, 2));
    let deep = format!("{{\"a\":{}", "[".repeat(1_000_000));
    assert!(!is_compact_object(&deep, 16));
}

#[test]
fn a_special_byte_is_found_at_each_place_and_after_each_byte() {
    let is_special = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    for length in 0..=24 {
        for place in 0..length {
            for byte in 0..=u8::MAX {
                for other in [b'a', b' ', 0x7f, 0x80, 0xff, b'"', b'\0'] {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    *bytes.last_mut().unwrap() = other;
                    let expected = bytes.iter().position(|byte| is_special(*byte));
                    assert_eq!(plain_length(&bytes), expected.unwrap_or(length), "{bytes:?}");
                }
            }
        }
    }
}

#[test]
fn members_are_found_with_their_levels() {
    let text = r#"{"a\"":"}],\"","b":{"c":[1,{"d":2}],"e":"{{{"},"f":-1.5}"#;
    let members: Vec<_> = CompactMembers::of(text)
        .map(|member| (member.name.into_owned(), member.whole, member.value, member.depth))
        .collect();
    assert_eq!(
        members,
        [
            ("a\"".to_owned(), r#""a\"":"}],\"""#, r#""}],\"""#, 0),
            (
                "b".to_owned(),
                r#""b":{"c":[1,{"d":2}],"e":"{{{"}"#,
                r#"{"c":[1,{"d":2}],"e":"{{{"}"#,
                3
            ),
            ("f".to_owned(), r#""f":-1.5"#, "-1.5", 0),
        ]
    );
    assert_eq!(CompactMembers::of("{}").count(), 0);
}
