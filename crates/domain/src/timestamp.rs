//! Points in time with a precision of one microsecond, as PostgreSQL stores them.

use std::{fmt, str::FromStr};

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Timelike, Utc,
};
use thiserror::Error;

/// Why a text is not a DateTimeOffset.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidTimestamp {
    /// A date and a time without an offset.
    #[error(
        "a DateTimeOffset needs an offset: send 2026-03-01T08:30:00Z for UTC, or 2026-03-01T09:30:00+01:00"
    )]
    OffsetMissing,
    /// Anything else.
    #[error(
        "a DateTimeOffset is RFC 3339 with T and an offset, such as 2026-03-01T08:30:00Z or \
         2026-03-01T09:30:00.25+01:00: years 0001 to 9999 in UTC, seconds to 59, at most 12 fraction digits"
    )]
    Malformed,
}

/// A point in time in UTC, in the years 0001 to 9999. It is truncated to microseconds when it is made, so that all rules compare
/// what is stored.
///
/// ```
/// use flowruns_domain::timestamp::Timestamp;
///
/// let time: Timestamp = "2023-03-12T16:40:46.9247699+05:30".parse()?;
/// assert_eq!(time.to_string(), "2023-03-12T11:10:46.924769Z");
/// assert_eq!("2026-03-01T08:30:00.000z".parse::<Timestamp>()?.to_string(), "2026-03-01T08:30:00Z");
/// assert_eq!("2026-03-01T08:30Z".parse::<Timestamp>()?.to_string(), "2026-03-01T08:30:00Z");
/// assert!("2026-03-01 08:30:00Z".parse::<Timestamp>().is_err());
/// # Ok::<(), flowruns_domain::timestamp::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Truncates a time to microseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp::Malformed`] outside the years 0001 to 9999.
    pub fn new(time: DateTime<Utc>) -> Result<Self, InvalidTimestamp> {
        match time.year() {
            1..=9999 => Ok(Self(time.trunc_subsecs(6))),
            _ => Err(InvalidTimestamp::Malformed),
        }
    }

    /// The time as a chrono type.
    pub const fn date_time(self) -> DateTime<Utc> {
        self.0
    }

    /// The same text as that of `Display`. It is made without the formatting of numbers, which would take most of the time of a
    /// row in a list.
    pub fn ascii(self) -> TimestampAscii {
        let (date, time) = (self.0.date_naive(), self.0.time());
        let seconds = time.num_seconds_from_midnight();
        let micros = self.0.timestamp_subsec_micros();
        let mut bytes = *b"0000-00-00T00:00:00.000000Z";
        write_digits(&mut bytes[0..4], date.year().unsigned_abs());
        write_digits(&mut bytes[5..7], date.month());
        write_digits(&mut bytes[8..10], date.day());
        write_digits(&mut bytes[11..13], seconds / 3600);
        write_digits(&mut bytes[14..16], seconds / 60 % 60);
        write_digits(&mut bytes[17..19], seconds % 60);
        if micros == 0 {
            bytes[TimestampAscii::WHOLE_SECOND - 1] = b'Z';
            return TimestampAscii { bytes, length: TimestampAscii::WHOLE_SECOND };
        }
        write_digits(&mut bytes[20..26], micros);
        TimestampAscii { bytes, length: TimestampAscii::CAPACITY }
    }

    /// The time that has passed since an earlier time; zero if that time is later.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }
}

/// The start of the Unix epoch.
impl Default for Timestamp {
    fn default() -> Self {
        Self(DateTime::UNIX_EPOCH)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let (local, offset) = parse_local(text.as_bytes()).ok_or(InvalidTimestamp::Malformed)?;
        if offset.is_empty() {
            return Err(InvalidTimestamp::OffsetMissing);
        }
        let utc = parse_offset(offset).and_then(|offset| local.checked_sub_signed(offset));
        Self::new(utc.ok_or(InvalidTimestamp::Malformed)?.and_utc())
    }
}

/// RFC 3339 in UTC, with six fraction digits or, on a whole second, none.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.ascii().as_ref()).map_err(|_| fmt::Error)?)
    }
}

/// The text of a [`Timestamp`], as bytes.
#[derive(Clone, Copy, Debug)]
pub struct TimestampAscii {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl TimestampAscii {
    const CAPACITY: usize = "0001-01-01T00:00:00.000000Z".len();
    const WHOLE_SECOND: usize = "0001-01-01T00:00:00Z".len();
}

impl AsRef<[u8]> for TimestampAscii {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Fills a text with the last digits of a number.
fn write_digits(text: &mut [u8], mut number: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Parses `YYYY-MM-DDThh:mm[:ss[.f{1,12}]]`. Returns the rest of the text too.
fn parse_local(text: &[u8]) -> Option<(NaiveDateTime, &[u8])> {
    let (to_minutes, rest) = text.split_at_checked(16)?;
    let separators = [(4, b'-'), (7, b'-'), (13, b':')];
    let well_separated = separators.iter().all(|&(at, byte)| to_minutes[at] == byte)
        && matches!(to_minutes[10], b'T' | b't');
    if !well_separated {
        return None;
    }
    let part = |from: usize, to: usize| digits(&to_minutes[from..to]);
    let date =
        NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(5, 7)?, part(8, 10)?)?;
    let (second, micros, rest) = parse_seconds(rest)?;
    let time = NaiveTime::from_hms_micro_opt(part(11, 13)?, part(14, 16)?, second, micros)?;
    Some((date.and_time(time), rest))
}

/// Parses an optional `:ss[.f{1,12}]` to seconds and microseconds. Returns the rest of the text too.
fn parse_seconds(text: &[u8]) -> Option<(u32, u32, &[u8])> {
    let Some(seconds) = text.strip_prefix(b":") else {
        return Some((0, 0, text));
    };
    let (seconds, rest) = seconds.split_at_checked(2)?;
    let (micros, rest) = parse_fraction(rest)?;
    Some((digits(seconds)?, micros, rest))
}

/// Parses an optional fraction to microseconds, truncated. Returns the rest of the text too.
fn parse_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(fraction) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=12).contains(&length) {
        return None;
    }
    let kept = length.min(6);
    let scale = 10_u32.pow(6 - u32::try_from(kept).ok()?);
    Some((digits(&fraction[..kept])? * scale, &fraction[length..]))
}

fn parse_offset(text: &[u8]) -> Option<Duration> {
    let (sign, hours, minutes) = match text {
        b"Z" | b"z" => return Some(Duration::zero()),
        [b'+', h1, h2, b':', m1, m2] => (1, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        [b'-', h1, h2, b':', m1, m2] => (-1, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return None,
    };
    let in_range = hours <= 23 && minutes <= 59;
    in_range.then(|| Duration::minutes(sign * i64::from(hours * 60 + minutes)))
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        text.parse::<Timestamp>().ok().map(|time| time.to_string())
    }

    #[test]
    fn a_fraction_is_truncated_to_six_digits_and_omitted_when_zero() {
        assert_eq!(parsed("2026-01-02T03:04:05.1Z").unwrap(), "2026-01-02T03:04:05.100000Z");
        assert_eq!(
            parsed("2026-01-02T03:04:05.123456999999Z").unwrap(),
            "2026-01-02T03:04:05.123456Z"
        );
        assert_eq!(parsed("2026-01-02T03:04:05.000000999999Z").unwrap(), "2026-01-02T03:04:05Z");
        assert_eq!(parsed("1969-12-31T23:59:59.9999999Z").unwrap(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn the_limits_of_the_year_apply_to_utc() {
        assert_eq!(parsed("0000-12-31T23:30:00-01:00").unwrap(), "0001-01-01T00:30:00Z");
        assert_eq!(parsed("9999-12-31T23:30:00-01:00"), None);
        assert_eq!(parsed("0001-01-01T00:30:00+01:00"), None);
        assert_eq!(parsed("2026-01-02t03:04:05-00:00").unwrap(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn seconds_are_optional() {
        for text in ["2026-11-27T10:00Z", "2026-11-27t10:00z", "2026-11-27T11:30+01:30"] {
            assert_eq!(parsed(text).unwrap(), "2026-11-27T10:00:00Z", "{text}");
        }
    }

    #[test]
    fn a_missing_offset_has_an_error_of_its_own() {
        for text in ["2026-11-27T10:00", "2026-11-27T10:00:00", "2026-11-27T10:00:00.5"] {
            let error = text.parse::<Timestamp>();
            assert_eq!(error, Err(InvalidTimestamp::OffsetMissing), "{text}");
        }
        let error = "2026-11-27".parse::<Timestamp>();
        assert_eq!(error, Err(InvalidTimestamp::Malformed));
    }

    #[test]
    fn other_formats_are_rejected() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:Z",
            "2026-01-02T03:04:5Z",
            "2026-01-02T03:04.5Z",
            "2026-01-02T03Z",
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T24:00:00Z",
            "2026-02-29T03:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1234567890123Z",
            "2026-01-02T03:04:05,5Z",
            "2026-01-02T03:04:05+0100",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05+01:60",
            "2026-01-02T03:04:05Zx",
            " 2026-01-02T03:04:05Z",
            "+002026-01-02T03:04:05Z",
            "２026-01-02T03:04:05Z",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
