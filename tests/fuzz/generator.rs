//! The bytes that are sent on one connection.

use fastrand::Rng;

use crate::mutate::{mutate, random_bytes};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The known types of HTTP/2 frames, and one unknown type.
const FRAMES: u8 = 11;
const METHODS: [&str; 7] = ["GET", "POST", "PATCH", "PATCH", "PATCH", "HEAD", "OPTIONS"];
const BODIES: [&str; 6] = [
    r#"{"displayName":"R","statistics":{"rows":1200}}"#,
    r#"{"statistics":{"parts":[1,2.5,-3e7],"of":{"deep":null}}}"#,
    r#"{"status":"completedWithErrors","blockingError":{"code":"x","details":[{"code":"a"}]}}"#,
    r#"{"endDateTime":"2026-03-01T09:00:00+01:00","@odata.type":"x","eTag":"y"}"#,
    r#"{"requests":[{"id":"1","method":"GET","url":"/industryData/runs?$top=1"}]}"#,
    "{}",
];
const SUFFIXES: [&str; 8] = [
    "",
    "",
    "/history?$top=2",
    "/process",
    "/process/runs?$filter=status eq 'running'&$orderby=displayName",
    "/$count",
    "('x')",
    "?$select=id,displayName",
];
const HEADERS: [(&str, &str); 12] = [
    ("Accept", "application/json;q=0.5, */*"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Encoding", "gzip"),
    ("Expect", "100-continue"),
    ("Forwarded", "for=\"[2001:db8::1]:4711\";proto=https;host=a.example"),
    ("Idempotency-Key", "a-key"),
    ("If-Match", "W/\"a\", \"b\""),
    ("If-None-Match", "*"),
    ("Prefer", "return=minimal"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("X-Forwarded-Host", "a.example:8443"),
    ("client-request-id", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"),
];

/// The bytes of one connection.
pub(crate) struct Case {
    pub(crate) bytes: Vec<u8>,
    /// The client closes its sending side after them.
    pub(crate) closes_write: bool,
    /// The bytes are one complete request.
    pub(crate) is_complete: bool,
}

/// What may be broken.
#[derive(Clone, Copy)]
pub(crate) enum CaseKind {
    /// Any byte, also of the framing.
    Bytes,
    /// The contents of complete requests.
    Requests,
}

/// Makes random cases.
pub(crate) struct CaseGenerator<'a> {
    pub(crate) rng: Rng,
    pub(crate) token: &'a str,
    pub(crate) list: &'a str,
}

impl CaseGenerator<'_> {
    /// A case about a run.
    pub(crate) fn case(&mut self, kind: CaseKind, run: &str) -> Case {
        match kind {
            CaseKind::Bytes => self.bytes(run),
            CaseKind::Requests => self.request(run),
        }
    }

    /// Random bytes, broken and truncated requests, several requests, or HTTP/2 frames.
    fn bytes(&mut self, run: &str) -> Case {
        let mut bytes = Vec::new();
        let kind = self.rng.u8(0..10);
        match kind {
            0 => bytes = random_bytes(&mut self.rng, 4000),
            1 | 2 => {
                bytes.extend(PREFACE);
                for _ in 0..self.rng.usize(0..12) {
                    bytes.extend(self.frame());
                }
            }
            _ => {
                for _ in 0..self.rng.usize(1..4) {
                    bytes.extend(self.request(run).bytes);
                }
            }
        }
        mutate(&mut self.rng, &mut bytes);
        if kind == 9 {
            bytes.truncate(self.rng.usize(0..=bytes.len()));
        }
        Case {
            bytes,
            // The server keeps a silent HTTP/2 connection open with pings, for longer than a test waits.
            closes_write: kind <= 2 || self.rng.bool(),
            is_complete: false,
        }
    }

    fn frame(&mut self) -> Vec<u8> {
        let payload = random_bytes(&mut self.rng, 60);
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.push(self.rng.u8(0..FRAMES));
        frame.push(self.rng.u8(..));
        frame.extend(self.rng.u32(0..8).to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// A complete request with a broken path, header, token or body.
    fn request(&mut self, run: &str) -> Case {
        let method = self.one_of(&METHODS);
        let (path, token) = (self.path(run), self.sometimes_broken(self.token));
        let mut body = self.one_of(&BODIES).as_bytes().to_vec();
        if self.rng.bool() {
            mutate(&mut self.rng, &mut body);
        }
        let mut bytes = Vec::new();
        let mut line = |parts: &[&[u8]]| {
            bytes.extend(parts.concat());
            bytes.extend(b"\r\n");
        };
        line(&[method.as_bytes(), b" ", &path, b" HTTP/1.1"]);
        line(&[b"Host: fuzz"]);
        line(&[b"Connection: close"]);
        line(&[b"Authorization: Bearer ", &token]);
        line(&[b"Content-Length: ", body.len().to_string().as_bytes()]);
        let mut has_type = false;
        for _ in 0..self.rng.usize(0..4) {
            let (name, value) = self.one_of(&HEADERS);
            has_type |= name == "Content-Type";
            line(&[name.as_bytes(), b": ", &self.sometimes_broken(value)]);
        }
        if !has_type {
            line(&[b"Content-Type: application/json"]);
        }
        line(&[]);
        bytes.extend(body);
        Case { bytes, closes_write: false, is_complete: true }
    }

    fn path(&mut self, run: &str) -> Vec<u8> {
        let path = match self.rng.u8(0..10) {
            0 => "/$batch".to_owned(),
            1 => self.list.to_owned(),
            2 => "/industryData/runs?$count=true&$top=1".to_owned(),
            3 => format!("/beta{run}"),
            _ => format!("{run}{}", self.one_of(&SUFFIXES)),
        };
        self.sometimes_broken(&path.replace(' ', "%20"))
    }

    /// The text, in one of four cases mutated without line ends, so that the framing stays complete.
    fn sometimes_broken(&mut self, text: &str) -> Vec<u8> {
        let mut text = text.as_bytes().to_vec();
        if self.rng.u8(0..4) == 0 {
            mutate(&mut self.rng, &mut text);
            text.retain(|byte| !b"\r\n".contains(byte));
        }
        text
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.usize(0..all.len())]
    }
}
