//! Where the requests of one connection of HTTP/1 begin and end. Every request is checked, also when several arrive in one read.

use axum::http::StatusCode;

use crate::{
    chunk::ChunkScanner,
    head::{BodyFraming, HeadScanner},
};

/// What is rejected.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum FramingRejection {
    /// The head that is being read, with this status.
    Head(StatusCode),
    /// The body of a request whose head was already passed on.
    Body,
}

/// How much of the scanned bytes may be passed on.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Scan {
    /// The number of bytes from the first one up to the end of the last complete head, or of the part of its body.
    pub(crate) passed: usize,
    /// Why nothing more will be passed on.
    pub(crate) rejection: Option<FramingRejection>,
}

enum Part {
    Head,
    /// The bytes of a body that are still missing.
    Length(u64),
    Chunked(ChunkScanner),
}

pub(crate) struct RequestFraming {
    part: Part,
    head: HeadScanner,
    max_head_bytes: usize,
}

impl RequestFraming {
    pub(crate) const fn new(max_head_bytes: usize) -> Self {
        Self { part: Part::Head, head: HeadScanner::new(max_head_bytes), max_head_bytes }
    }

    /// Whether the next bytes belong to a body.
    pub(crate) const fn is_in_body(&self) -> bool {
        !matches!(self.part, Part::Head)
    }

    /// Scans the next bytes. Those of an incomplete head may not be passed on.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut passed = 0;
        let rejection = loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if rest.is_empty() {
                break None;
            }
            match self.step(rest) {
                Ok(Some(length)) => passed += length,
                Ok(None) => break None,
                Err(rejection) => break Some(rejection),
            }
        };
        Scan { passed, rejection }
    }

    /// The number of bytes of the next part that may be passed on; `None` while a head is incomplete.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, FramingRejection> {
        let length = match &mut self.part {
            Part::Head => {
                let Some((length, body)) = self.head.scan(bytes).map_err(FramingRejection::Head)?
                else {
                    return Ok(None);
                };
                self.part = match body {
                    BodyFraming::Length(left) => Part::Length(left),
                    BodyFraming::Chunked => Part::Chunked(ChunkScanner::new()),
                };
                length
            }
            Part::Length(left) => {
                let available = bytes.len();
                let length = usize::try_from(*left).map_or(available, |left| left.min(available));
                *left -= length as u64;
                length
            }
            Part::Chunked(chunks) => {
                chunks.scan(bytes).map_err(|_malformed| FramingRejection::Body)?
            }
        };
        let is_complete = match &self.part {
            Part::Head => false,
            Part::Length(left) => *left == 0,
            Part::Chunked(chunks) => chunks.is_complete(),
        };
        if is_complete {
            self.part = Part::Head;
            self.head = HeadScanner::new(self.max_head_bytes);
        }
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{FramingRejection, RequestFraming, Scan};

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const LENGTH: &str = "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\n\n";
    const CHUNKED: &str =
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n";

    fn scan(bytes: &str) -> Scan {
        RequestFraming::new(1000).scan(bytes.as_bytes())
    }

    #[test]
    fn every_request_of_one_read_is_checked() {
        let requests = [GET, LENGTH, CHUNKED, GET].concat();
        let accepted = Scan { passed: requests.len(), rejection: None };
        assert_eq!(scan(&requests), accepted);
        let partial = format!("{requests}GET / HTTP");
        assert_eq!(scan(&partial), accepted);
        let bad = format!("{requests}GET / HTTP/1.1\n\r\n");
        let rejected = Scan {
            passed: requests.len(),
            rejection: Some(FramingRejection::Head(StatusCode::BAD_REQUEST)),
        };
        assert_eq!(scan(&bad), rejected);
    }

    #[test]
    fn a_malformed_chunk_ends_the_body_and_rejects_what_follows_it() {
        let head = CHUNKED.split_inclusive("\r\n\r\n").next().unwrap_or_default();
        let bad = format!("{head}0\r\nX: a\n\r\n{GET}");
        let rejected = Scan { passed: head.len(), rejection: Some(FramingRejection::Body) };
        assert_eq!(scan(&bad), rejected);
    }
}
