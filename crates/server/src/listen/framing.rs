//! Where the requests of one connection of HTTP/1 begin and end. All of them are looked at, however many come in one read.

use axum::http::StatusCode;

use super::{
    chunk::Chunks,
    head::{BodyFraming, Head},
};

/// What is wrong with what came.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// The head that was being read, with this status.
    Head(StatusCode),
    /// The body of a request whose head was passed on already.
    Body,
}

/// What may be passed on of the bytes that came.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Scan {
    /// How many, from the first: up to the end of the last complete head, or of what came of its body.
    pub(super) passed: usize,
    /// Why no more will be.
    pub(super) refused: Option<Refused>,
}

enum Part {
    Head,
    /// How many bytes of a body are still to come.
    Length(u64),
    Chunked(Chunks),
}

pub(super) struct Framing {
    part: Part,
    head: Head,
    max_head_bytes: usize,
}

impl Framing {
    pub(super) const fn new(max_head_bytes: usize) -> Self {
        Self {
            part: Part::Head,
            head: Head::new(max_head_bytes),
            max_head_bytes,
        }
    }

    /// Reads the next bytes. Those of a head that is not complete are not passed: the whole head comes first.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut passed = 0;
        let refused = loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if rest.is_empty() {
                break None;
            }
            match self.step(rest) {
                Ok(Some(length)) => passed += length,
                Ok(None) => break None,
                Err(refused) => break Some(refused),
            }
        };
        Scan { passed, refused }
    }

    /// How many bytes the next part has that may be passed on, if any.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let length = match &mut self.part {
            Part::Head => {
                let Some((length, body)) = self.head.scan(bytes).map_err(Refused::Head)? else {
                    return Ok(None);
                };
                self.part = match body {
                    BodyFraming::Length(left) => Part::Length(left),
                    BodyFraming::Chunked => Part::Chunked(Chunks::new()),
                };
                length
            }
            Part::Length(left) => {
                let available = bytes.len();
                let length = usize::try_from(*left).map_or(available, |left| left.min(available));
                *left -= length as u64;
                length
            }
            Part::Chunked(chunks) => chunks.scan(bytes).map_err(|_malformed| Refused::Body)?,
        };
        let is_complete = match &self.part {
            Part::Head => false,
            Part::Length(left) => *left == 0,
            Part::Chunked(chunks) => chunks.is_complete(),
        };
        if is_complete {
            self.part = Part::Head;
            self.head = Head::new(self.max_head_bytes);
        }
        Ok(Some(length))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{Framing, Refused, Scan};

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const LENGTH: &str = "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\n\n";
    const CHUNKED: &str =
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n";

    fn scan(bytes: &str) -> Scan {
        Framing::new(1000).scan(bytes.as_bytes())
    }

    #[test]
    fn requests_of_one_read_are_all_looked_at() {
        let requests = [GET, LENGTH, CHUNKED, GET].concat();
        let fine = Scan {
            passed: requests.len(),
            refused: None,
        };
        assert_eq!(scan(&requests), fine);
        let partial = format!("{requests}GET / HTTP");
        assert_eq!(scan(&partial), fine);
        let bad = format!("{requests}GET / HTTP/1.1\n\r\n");
        let refused = Scan {
            passed: requests.len(),
            refused: Some(Refused::Head(StatusCode::BAD_REQUEST)),
        };
        assert_eq!(scan(&bad), refused);
    }

    #[test]
    fn a_malformed_chunk_ends_the_body_and_everything_behind_it() {
        let head = CHUNKED
            .split_inclusive("\r\n\r\n")
            .next()
            .unwrap_or_default();
        let bad = format!("{head}0\r\nX: a\n\r\n{GET}");
        let refused = Scan {
            passed: head.len(),
            refused: Some(Refused::Body),
        };
        assert_eq!(scan(&bad), refused);
    }
}
