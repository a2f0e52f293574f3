//! The header `traceparent` of W3C Trace Context.

use std::fmt;

use axum::http::{HeaderMap, HeaderName};

/// The header that names the trace of a request.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The length of version 00: two digits, a trace id of 32, a parent id of 16, and flags of two.
const LENGTH: usize = 55;

/// The trace that a request belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl TraceId {
    /// The trace of the request, if it names exactly one in the form of the specification.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(TRACEPARENT).iter();
        let (Some(value), None) = (sent.next(), sent.next()) else {
            return None;
        };
        Self::parse(value.as_bytes())
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let version = hex(known.get(..2)?)?;
        // Later versions may continue after another dash; ff is invalid.
        let has_valid_end = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|first| *first == b'-'),
        };
        let dashes = [2, 35, 52].iter().all(|at| known.get(*at) == Some(&b'-'));
        if !(has_valid_end && dashes) {
            return None;
        }
        let trace = hex(known.get(3..35)?)?;
        let parent = hex(known.get(36..52)?)?;
        hex(known.get(53..)?)?;
        (trace != 0 && parent != 0).then_some(Self(trace))
    }
}

/// Lower case only.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_trace_id_of_this_and_of_later_versions_is_read() {
        for header in [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-00"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-more"),
        ] {
            let trace = TraceId::parse(header.as_bytes()).unwrap();
            assert_eq!(trace.to_string(), TRACE, "{header}");
        }
    }

    #[test]
    fn an_invalid_header_names_no_trace() {
        let upper = TRACE.to_uppercase();
        for header in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7-0"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            format!("00-{TRACE}-00f067aa0ba902b7-01x"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01x"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{upper}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00F067AA0BA902B7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-0g"),
            format!("0g-{TRACE}-00f067aa0ba902b7-01"),
            format!("00_{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            "ä".repeat(28),
        ] {
            assert_eq!(TraceId::parse(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn two_headers_name_no_trace() {
        let value =
            HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut headers = HeaderMap::new();
        assert_eq!(TraceId::of(&headers), None);
        headers.append(TRACEPARENT, value.clone());
        assert!(TraceId::of(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(TraceId::of(&headers), None);
    }
}
