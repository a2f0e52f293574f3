//! The lines of a head of HTTP/1, checked before they are parsed.
//!
//! The HTTP parser accepts a bare LF as the end of a line, and if there are both Content-Length and Transfer-Encoding it ignores
//! one of them. A proxy in front may read such a head differently, and then one request becomes two (request smuggling). So
//! it is rejected, as RFC 9112, sections 2.2 and 6.3, allows.

use axum::http::StatusCode;

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
/// How much of a line is kept: enough for both names with every value that is accepted.
const LINE_BYTES: usize = 128;

/// How the body after a head is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyFraming {
    /// Its length in bytes; 0 without a body.
    Length(u64),
    Chunked,
}

/// A head that is read in parts.
#[derive(Debug)]
pub(crate) struct HeadScanner {
    /// The first bytes of the current line, in lower case.
    line: [u8; LINE_BYTES],
    /// The length of the current line so far.
    length: usize,
    /// The length of the head so far.
    head_bytes: usize,
    max_bytes: usize,
    ends_in_cr: bool,
    content_length: Option<u64>,
    transfer_coding: Option<Coding>,
    /// Whether there was a line that is not empty.
    has_begun: bool,
    is_complete: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Coding {
    Chunked,
    Unknown,
}

impl HeadScanner {
    /// A head of at most `max_bytes`.
    pub(crate) const fn new(max_bytes: usize) -> Self {
        Self {
            line: [0; LINE_BYTES],
            length: 0,
            head_bytes: 0,
            max_bytes,
            ends_in_cr: false,
            content_length: None,
            transfer_coding: None,
            has_begun: false,
            is_complete: false,
        }
    }

    /// Scans the next bytes up to the end of the head. When it is complete, returns how many of them belong to it, and how its
    /// body is delimited. An error is the status that rejects it.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(usize, BodyFraming)>, StatusCode> {
        let mut at = 0;
        while !self.is_complete {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.extend(line);
            let Some(end) = end else {
                return self.check_size().map(|()| None);
            };
            at += end + 1;
            self.head_bytes += 1;
            self.end_line()?;
        }
        self.check_size()?;
        self.body().map(|body| Some((at, body)))
    }

    fn check_size(&self) -> Result<(), StatusCode> {
        match self.head_bytes > self.max_bytes {
            true => Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            false => Ok(()),
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.ends_in_cr = *last == b'\r';
        let free = self.line.get_mut(self.length..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = from.to_ascii_lowercase();
        }
        self.length += bytes.len();
        self.head_bytes += bytes.len();
    }

    fn end_line(&mut self) -> Result<(), StatusCode> {
        if !self.ends_in_cr {
            return Err(StatusCode::BAD_REQUEST);
        }
        let is_empty = self.length == 1;
        let line = self.line.get(..self.length - 1).unwrap_or(&self.line);
        let length = line.strip_prefix(CONTENT_LENGTH).map(content_length);
        let coding = line.strip_prefix(TRANSFER_ENCODING).map(transfer_coding);
        if let Some(length) = length
            && self.content_length.replace(length?).is_some()
        {
            return Err(StatusCode::BAD_REQUEST);
        }
        if let Some(coding) = coding {
            let coding = coding?;
            let former = self.transfer_coding.replace(coding);
            if former == Some(Coding::Chunked) && coding == Coding::Chunked {
                return Err(StatusCode::BAD_REQUEST);
            }
            if former.is_some() {
                self.transfer_coding = Some(Coding::Unknown);
            }
        }
        // Empty lines before the request line are ignored.
        self.is_complete = is_empty && self.has_begun;
        self.has_begun |= !is_empty;
        (self.length, self.ends_in_cr) = (0, false);
        Ok(())
    }

    const fn body(&self) -> Result<BodyFraming, StatusCode> {
        match (self.content_length, self.transfer_coding) {
            (Some(_), Some(_)) => Err(StatusCode::BAD_REQUEST),
            (None, Some(Coding::Unknown)) => Err(StatusCode::NOT_IMPLEMENTED),
            (None, Some(Coding::Chunked)) => Ok(BodyFraming::Chunked),
            (Some(length), None) => Ok(BodyFraming::Length(length)),
            (None, None) => Ok(BodyFraming::Length(0)),
        }
    }
}

fn content_length(value: &[u8]) -> Result<u64, StatusCode> {
    let digits = value.trim_ascii();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number);
    let length = text.and_then(|text| text.parse().ok());
    length.ok_or(StatusCode::BAD_REQUEST)
}

fn transfer_coding(value: &[u8]) -> Result<Coding, StatusCode> {
    let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    match (codings.next(), codings.next()) {
        (None | Some(b""), None) => Err(StatusCode::BAD_REQUEST),
        (Some(b"chunked"), None) => Ok(Coding::Chunked),
        (Some(b"chunked"), Some(b"chunked")) => Err(StatusCode::BAD_REQUEST),
        _ => Ok(Coding::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{BodyFraming, HeadScanner};

    const LIMIT: usize = 200;

    /// Scans the head in one part and byte by byte, with the same result.
    fn scan(head: &str) -> Result<Option<BodyFraming>, StatusCode> {
        let whole = HeadScanner::new(LIMIT).scan(head.as_bytes());
        let whole = whole.map(|complete| complete.map(|(_, body)| body));
        let mut cut = HeadScanner::new(LIMIT);
        let mut single = Ok(None);
        for byte in head.as_bytes().chunks(1) {
            single = cut.scan(byte).map(|complete| complete.map(|(_, body)| body));
            if single != Ok(None) {
                break;
            }
        }
        assert_eq!(whole, single, "{head:?}");
        whole
    }

    #[test]
    fn a_head_tells_how_its_body_is_delimited_and_the_body_is_not_scanned() {
        for (head, body) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::Length(0)),
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BodyFraming::Length(0)),
            ("PATCH / HTTP/1.1\r\nCONTENT-length:  3 \r\n\r\n{\n}", BodyFraming::Length(3)),
            (
                "PATCH / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\ncontent-length: 1\n",
                BodyFraming::Chunked,
            ),
            (
                "PATCH / HTTP/1.1\r\nX-Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                BodyFraming::Chunked,
            ),
        ] {
            assert_eq!(scan(head), Ok(Some(body)), "{head:?}");
        }
        assert_eq!(scan(""), Ok(None));
        assert_eq!(scan("GET / HTTP/1.1\r\n"), Ok(None));
    }

    #[test]
    fn an_ambiguous_head_is_a_bad_request() {
        let (length, encoding) = ("CONTENT-length: 4\r\n", "transfer-Encoding: chunked\r\n");
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: a\r\n\n".to_owned(),
            "\nGET / HTTP/1.1\r\n\r\n".to_owned(),
            format!("PATCH / HTTP/1.1\r\n{length}Host: a\r\n{encoding}\r\n"),
            format!("PATCH / HTTP/1.1\r\n{encoding}Host: a\r\n{length}\r\n"),
            format!("PATCH / HTTP/1.1\r\n{length}{length}\r\n"),
            format!("PATCH / HTTP/1.1\r\n{encoding}{encoding}\r\n"),
            "PATCH / HTTP/1.1\r\nContent-Length: +4\r\n\r\n".to_owned(),
            "PATCH / HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n".to_owned(),
            "PATCH / HTTP/1.1\r\nContent-Length:\r\n\r\n".to_owned(),
            "PATCH / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n".to_owned(),
        ] {
            assert_eq!(scan(&head), Err(StatusCode::BAD_REQUEST), "{head:?}");
        }
    }

    #[test]
    fn a_coding_other_than_chunked_is_not_implemented() {
        for codings in [
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: \x0bchunked\r\n",
        ] {
            let head = format!("PATCH / HTTP/1.1\r\n{codings}\r\n");
            assert_eq!(scan(&head), Err(StatusCode::NOT_IMPLEMENTED), "{head:?}");
        }
    }

    #[test]
    fn a_head_over_its_limit_is_too_large_even_while_it_is_incomplete() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(LIMIT));
        let too_large = Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(scan(&long), too_large);
        let line = "GET / HTTP/1.1\r\n\r\n";
        let longest = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(LIMIT - line.len()));
        assert_eq!(scan(&longest), Ok(Some(BodyFraming::Length(0))));
    }
}
