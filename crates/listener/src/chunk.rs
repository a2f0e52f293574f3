//! The chunked transfer coding, checked strictly before it is parsed (RFC 9112, section 7.1).
//!
//! The HTTP parser accepts a bare LF in trailers and control bytes in extensions. A proxy in front may see the end of such a body
//! at another byte, and then a part of the body is a request to one of the two (request smuggling).

/// A byte that is not allowed at its position.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct MalformedChunk;

/// The part that the next byte belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ChunkPart {
    Size,
    SizePadding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

/// A chunked body that is read in parts.
#[derive(Debug)]
pub(crate) struct ChunkScanner {
    state: ChunkPart,
    has_size: bool,
    /// The missing bytes of the current chunk.
    left: u64,
}

impl ChunkScanner {
    pub(crate) const fn new() -> Self {
        Self { state: ChunkPart::Size, has_size: false, left: 0 }
    }

    pub(crate) const fn is_complete(&self) -> bool {
        matches!(self.state, ChunkPart::End)
    }

    /// Scans the next bytes up to the end of the body. Returns how many of them belong to it.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<usize, MalformedChunk> {
        let mut at = 0;
        while !self.is_complete()
            && let Some(byte) = bytes.get(at)
        {
            if self.state == ChunkPart::Data {
                let available = bytes.len() - at;
                let skipped =
                    usize::try_from(self.left).map_or(available, |left| left.min(available));
                self.left -= skipped as u64;
                at += skipped;
                if self.left == 0 {
                    self.state = ChunkPart::DataCr;
                }
                continue;
            }
            self.state = self.next(*byte)?;
            at += 1;
        }
        Ok(at)
    }

    fn next(&mut self, byte: u8) -> Result<ChunkPart, MalformedChunk> {
        use ChunkPart::*;
        match (self.state, byte) {
            (Size, _) if byte.is_ascii_hexdigit() => self.add_digit(byte),
            (Size | SizePadding, b' ' | b'\t') if self.has_size => Ok(SizePadding),
            (Size | SizePadding, b';') if self.has_size => Ok(Extension),
            (Size | SizePadding, b'\r') if self.has_size => Ok(SizeLf),
            (Extension, b'\r') => Ok(SizeLf),
            (Extension, _) if is_text(byte) => Ok(Extension),
            (SizeLf, b'\n') => {
                self.has_size = false;
                Ok(if self.left == 0 { TrailerStart } else { Data })
            }
            (DataCr, b'\r') => Ok(DataLf),
            (DataLf, b'\n') => Ok(Size),
            (TrailerStart, b'\r') => Ok(EndLf),
            (TrailerStart | TrailerName, _) if is_token(byte) => Ok(TrailerName),
            (TrailerName, b':') => Ok(TrailerValue),
            (TrailerValue, b'\r') => Ok(TrailerLf),
            (TrailerValue, _) if is_text(byte) => Ok(TrailerValue),
            (TrailerLf, b'\n') => Ok(TrailerStart),
            (EndLf, b'\n') => Ok(End),
            _ => Err(MalformedChunk),
        }
    }

    fn add_digit(&mut self, byte: u8) -> Result<ChunkPart, MalformedChunk> {
        let digit = (byte as char).to_digit(16).ok_or(MalformedChunk)?;
        let size = self.left.checked_mul(16);
        let size = size.and_then(|size| size.checked_add(digit.into()));
        self.left = size.ok_or(MalformedChunk)?;
        self.has_size = true;
        Ok(ChunkPart::Size)
    }
}

/// Bytes that the value of a field may contain.
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Bytes that the name of a field may contain.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::{ChunkScanner, MalformedChunk};

    /// The length of a body if it is complete. Scans it in one part and byte by byte, with the same result.
    fn length(body: &str) -> Result<Option<usize>, MalformedChunk> {
        let mut chunks = ChunkScanner::new();
        let whole = chunks.scan(body.as_bytes());
        let whole = whole.map(|length| chunks.is_complete().then_some(length));
        let mut chunks = ChunkScanner::new();
        let single =
            body.as_bytes().chunks(1).try_fold(0, |length, byte| Ok(length + chunks.scan(byte)?));
        let single = single.map(|length| chunks.is_complete().then_some(length));
        assert_eq!(whole, single, "{body:?}");
        whole
    }

    #[test]
    fn a_well_formed_body_ends_after_its_last_chunk() {
        for body in [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "009;name=\"value\"\r\n\n\r\n\r\n\r\n\r\n\r\n0 ; a\r\n\r\n",
            "1\r\n \r\n0\r\nX-Checksum: a\tb\r\nY:\r\n\r\n",
        ] {
            let followed = format!("{body}GET / HTTP/1.1\r\n");
            assert_eq!(length(&followed), Ok(Some(body.len())), "{body:?}");
        }
        assert_eq!(length("5\r\n{}"), Ok(None));
    }

    #[test]
    fn a_body_that_another_parser_may_read_differently_is_malformed() {
        for body in [
            "0\r\nX: a\n\r\n",
            "0\r\nX: a\n\n",
            "0\r\n\n",
            "0\n\r\n",
            "0\r\nX: a\rb\r\n\r\n",
            "0\r\nX: a\r\n b\r\n\r\n",
            "0\r\n X: a\r\n\r\n",
            "0\r\nX : a\r\n\r\n",
            "0\r\nX\r\n\r\n",
            "0\r\nX: a\0\r\n\r\n",
            "0;a\0\r\n\r\n",
            "0;a\n\r\n",
            "0;a\rb\r\n\r\n",
            "\r\n\r\n",
            ";a\r\n\r\n",
            " 0\r\n\r\n",
            "0x0\r\n\r\n",
            "-0\r\n\r\n",
            "10000000000000000\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
        ] {
            assert_eq!(length(body), Err(MalformedChunk), "{body:?}");
        }
    }
}
