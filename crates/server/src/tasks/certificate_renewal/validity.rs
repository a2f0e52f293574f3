//! The validity period of a certificate.
//!
//! rustls does not expose it, and an X.509 library is large for two times: this reads the DER encoding up to the validity
//! (RFC 5280, section 4.1). Whether a certificate can be used is decided by rustls.

use chrono::{DateTime, NaiveDateTime, Utc};

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which may be absent.
const VERSION: u8 = 0xa0;
/// Serial number, signature algorithm and issuer precede the validity.
const BEFORE_VALIDITY: usize = 3;

/// Both times are included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Validity {
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ValidityStatus {
    NotYetValid,
    Valid,
    Expired,
}

impl Validity {
    /// Reads the DER encoding of a certificate; `None` when it is malformed.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (tag, certificate, _) = element(certificate)?;
        let (_, to_be_signed, _) = (tag == SEQUENCE).then(|| element(certificate))??;
        let mut rest = to_be_signed;
        if element(rest)?.0 == VERSION {
            rest = element(rest)?.2;
        }
        for _ in 0..BEFORE_VALIDITY {
            rest = element(rest)?.2;
        }
        let (tag, validity, _) = element(rest)?;
        let (first, not_before, rest) = (tag == SEQUENCE).then(|| element(validity))??;
        let (second, not_after, _) = element(rest)?;
        Some(Self { not_before: time(first, not_before)?, not_after: time(second, not_after)? })
    }

    pub(super) fn status(&self, now: DateTime<Utc>) -> ValidityStatus {
        if now < self.not_before {
            ValidityStatus::NotYetValid
        } else if now > self.not_after {
            ValidityStatus::Expired
        } else {
            ValidityStatus::Valid
        }
    }

    /// Seconds until it expires, negative afterwards.
    pub(super) fn seconds_left(&self, now: DateTime<Utc>) -> f64 {
        (self.not_after - now).num_seconds() as f64
    }
}

/// The tag and content of the first element in DER, and the bytes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A year of two digits is between 1950 and 2049.
fn time(tag: u8, content: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(content).ok()?;
    let full = match tag {
        UTC_TIME if text.get(..1)? < "5" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&full, "%Y%m%d%H%M%SZ").ok()?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 2, 3);
        params.not_after = date_time_ymd(until, 4, 5);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        for (from, until) in [(1975, 2049), (2026, 2050), (2049, 4096)] {
            let validity = Validity::of(&certificate(from, until)).unwrap();
            let expected = Validity {
                not_before: at(&format!("{from}-02-03T00:00:00Z")),
                not_after: at(&format!("{until}-04-05T00:00:00Z")),
            };
            assert_eq!(validity, expected);
        }
    }

    #[test]
    fn the_status_tells_whether_the_validity_has_begun_or_ended() {
        let validity = Validity::of(&certificate(2020, 2030)).unwrap();
        let status = |text| validity.status(at(text));
        assert_eq!(status("2020-02-02T23:59:59Z"), ValidityStatus::NotYetValid);
        assert_eq!(status("2020-02-03T00:00:00Z"), ValidityStatus::Valid);
        assert_eq!(status("2030-04-05T00:00:00Z"), ValidityStatus::Valid);
        assert_eq!(status("2030-04-05T00:00:01Z"), ValidityStatus::Expired);
        assert_eq!(validity.seconds_left(at("2030-04-04T23:59:00Z")), 60.0);
        assert_eq!(validity.seconds_left(at("2030-04-05T00:00:10Z")), -10.0);
    }

    #[test]
    fn truncated_or_changed_bytes_are_read_without_a_panic() {
        let whole = certificate(2020, 2030);
        for end in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..end]), None);
        }
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0xff;
            Validity::of(&changed);
        }
    }
}
