//! The lines of a head of HTTP/1 as they are sent.
//!
//! The parser behind takes a bare LF for the end of a line, and of Content-Length and Transfer-Encoding it shows only the
//! one that counts. A proxy in front may read both otherwise, and then one request becomes two. So such a head is refused
//! (RFC 9112, sections 2.2 and 6.3, allow it).

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
/// Of a line, enough to tell both names.
const BEGINNING: usize = TRANSFER_ENCODING.len();

/// What is known of a head of which more may come.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// How the line began.
    line: [u8; BEGINNING],
    /// How long the line is so far.
    length: usize,
    ends_in_cr: bool,
    has_length: bool,
    has_encoding: bool,
    /// Whether a line was there that was not empty.
    has_begun: bool,
    is_complete: bool,
}

impl Head {
    /// Looks at the next bytes, as far as the head goes; whether it can still be read in one way only.
    pub(super) fn is_plain(&mut self, mut bytes: &[u8]) -> bool {
        while !self.is_complete && !bytes.is_empty() {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.extend(bytes);
                return true;
            };
            let (line, rest) = bytes.split_at(end);
            self.extend(line);
            if !self.end_line() {
                return false;
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        true
    }

    fn extend(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.ends_in_cr = *last == b'\r';
        let free = self.line.get_mut(self.length..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = from.to_ascii_lowercase();
        }
        self.length += bytes.len();
    }

    fn end_line(&mut self) -> bool {
        if !self.ends_in_cr {
            return false;
        }
        let line = self.line.get(..self.length).unwrap_or(&self.line);
        self.has_length |= line.starts_with(CONTENT_LENGTH);
        self.has_encoding |= line.starts_with(TRANSFER_ENCODING);
        let is_empty = self.length == 1;
        // Empty lines before the request line are passed over.
        self.is_complete = is_empty && self.has_begun;
        self.has_begun |= !is_empty;
        (self.length, self.ends_in_cr) = (0, false);
        !(self.has_length && self.has_encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    /// Whole, and byte by byte.
    fn is_plain(head: &str) -> bool {
        let whole = Head::default().is_plain(head.as_bytes());
        let mut cut = Head::default();
        let mut bytes = head.as_bytes().chunks(1);
        assert_eq!(whole, bytes.all(|byte| cut.is_plain(byte)), "{head:?}");
        whole
    }

    #[test]
    fn a_head_with_one_reading_is_plain_and_its_body_is_not_looked_at() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{\n}",
            "PATCH / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\ncontent-length: 1\n",
            "PATCH / HTTP/1.1\r\nX-Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "",
        ] {
            assert!(is_plain(head), "{head:?}");
        }
    }

    #[test]
    fn a_bare_line_feed_is_not_plain() {
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert!(!is_plain(head), "{head:?}");
        }
    }

    #[test]
    fn a_length_beside_an_encoding_is_not_plain_in_either_order() {
        let (length, encoding) = ("CONTENT-length: 4\r\n", "transfer-Encoding: chunked\r\n");
        for (first, second) in [(length, encoding), (encoding, length)] {
            assert!(!is_plain(&format!(
                "PATCH / HTTP/1.1\r\n{first}Host: a\r\n{second}\r\n"
            )));
        }
    }
}
