//! Texts that are nearly valid: a valid one, truncated, doubled, or with inserted bytes that parsers often handle wrongly.

use proptest::{collection, prelude::*, sample};

/// The most changes of one text.
const MOST_CHANGES: usize = 6;
/// Bytes and texts that parsers of any grammar often handle wrongly.
const ERROR_PRONE: &[&[u8]] = &[
    b"\0",
    b"\\u0000",
    b"\\ud800",
    b"\\udfff\\ud800",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"1e999",
    b"-0",
    b"-0.0",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"1e-400",
    b"0x10",
    b"NaN",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"''",
    b"\\",
    b"\\\"",
    b":",
    b",",
    b";",
    b"=",
    b"&",
    b"?",
    b"#",
    b"/",
    b"//",
    b"..",
    b"%",
    b"%00",
    b"%2F",
    b"%25",
    b"%zz",
    b"%C0%AF",
    b"+",
    b" ",
    b"\t",
    b"\r\n",
    b"(",
    b")",
    b"((((((((((((((((",
    b"$",
    b"@",
    b"*",
    b"W/",
    b"W/\"\"",
    b"eq",
    b" and ",
    b" or ",
    b"not ",
    b"9999-12-31T23:59:59.999999999999Z",
    b"0000-00-00T00:00:00Z",
    b"0001-01-01T00:00:00+14:00",
    b"00000000-0000-0000-0000-000000000000",
    b"__proto__",
    b"@odata.type",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x98\x80",
    b"e\xcc\x81",
];

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(&'static [u8]),
    Remove(usize),
    Repeat(usize, usize),
    Cut,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => any::<u8>().prop_map(Change::Set),
        4 => sample::select(ERROR_PRONE).prop_map(Change::Insert),
        2 => (1..40_usize).prop_map(Change::Remove),
        1 => (1..40_usize, 1..400_usize).prop_map(|(length, times)| Change::Repeat(length, times)),
        1 => Just(Change::Cut),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change, position: sample::Index) {
    let at = position.index(text.len() + 1);
    let end = |length: usize| (at + length).min(text.len());
    match *change {
        Change::Set(byte) => match text.get_mut(at) {
            Some(former) => *former = byte,
            None => text.push(byte),
        },
        Change::Insert(bytes) => drop(text.splice(at..at, bytes.iter().copied())),
        Change::Remove(length) => drop(text.drain(at..end(length))),
        Change::Repeat(length, times) => {
            let repeated = text[at..end(length)].repeat(times);
            drop(text.splice(at..at, repeated));
        }
        Change::Cut => text.truncate(at),
    }
}

/// One of these texts with a few changes, or with none; sometimes any bytes at all.
pub(crate) fn broken(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let changes = collection::vec((change(), any::<sample::Index>()), 0..MOST_CHANGES);
    let nearly = (sample::select(seeds), changes).prop_map(|(seed, changes)| {
        let mut text = seed.as_bytes().to_vec();
        for (change, position) in changes {
            apply(&mut text, &change, position);
        }
        text
    });
    prop_oneof![9 => nearly, 1 => collection::vec(any::<u8>(), 0..200)]
}
