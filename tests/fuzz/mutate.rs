//! Small changes to valid texts.

use fastrand::Rng;

const MOST_CHANGES: usize = 5;
/// Bytes that parsers often handle wrongly.
const TRICKY: &[&[u8]] = &[
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\t",
    b" ",
    b"  ",
    b":",
    b",",
    b";",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xc3\x28",
    b"\xef\xbb\xbf",
    b"%",
    b"%00",
    b"%2e%2e",
    b"/",
    b"//",
    b"?",
    b"#",
    b"&",
    b"=",
    b"'",
    b"(",
    b")",
    b"null",
    b"{}",
    b"[]",
    b"{",
    b"[",
    b"1e999",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/9.9",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n",
    b"Host: \r\n",
    b"0\r\n\r\n",
    b"fffffffffffffffff\r\n",
    b"CONNECT ",
    b"OPTIONS * ",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

/// Changes a few bytes, or none.
pub(crate) fn mutate(rng: &mut Rng, text: &mut Vec<u8>) {
    for _ in 0..rng.usize(0..MOST_CHANGES) {
        change(rng, text);
    }
}

fn change(rng: &mut Rng, text: &mut Vec<u8>) {
    let at = rng.usize(0..=text.len());
    let end = (at + rng.usize(0..40)).min(text.len());
    match rng.u8(0..8) {
        0 => match text.get_mut(at) {
            Some(byte) => *byte = rng.u8(..),
            None => text.push(rng.u8(..)),
        },
        1..=3 => {
            let inserted = TRICKY[rng.usize(0..TRICKY.len())];
            drop(text.splice(at..at, inserted.iter().copied()));
        }
        4 | 5 => drop(text.drain(at..end)),
        6 => {
            let repeated = text[at..end].repeat(rng.usize(1..400));
            drop(text.splice(at..at, repeated));
        }
        _ => text.truncate(at),
    }
}

/// Fewer than `limit` random bytes.
pub(crate) fn random_bytes(rng: &mut Rng, limit: usize) -> Vec<u8> {
    let length = rng.usize(0..limit);
    (0..length).map(|_| rng.u8(..)).collect()
}
