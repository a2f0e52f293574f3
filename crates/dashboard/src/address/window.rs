//! Spans of time in addresses: `since=24h`, or `from=` and `to=`.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use flowruns_domain::timestamp::{InvalidTimestamp, Timestamp};

use super::Parameters;

/// A length of time, such as `90m`, `24h` or `7d`: a whole number of minutes, hours or days, up to [`Span::MAX_DAYS`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    number: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Minutes,
    Hours,
    Days,
}

/// Which starts of runs a list shows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Window {
    /// All.
    #[default]
    All,
    /// From this long ago.
    Since(Span),
    /// From `from` on, and before `to`. At least one of them is given, and `from` is before `to`.
    Between {
        /// The earliest start.
        from: Option<Timestamp>,
        /// The time before which the runs started.
        to: Option<Timestamp>,
    },
}

impl Span {
    /// The longest span, in days.
    pub(crate) const MAX_DAYS: u32 = 3660;
    /// The spans that the page offers.
    pub(crate) const OFFERED: [Self; 4] = [
        Self { number: 1, unit: Unit::Hours },
        Self { number: 24, unit: Unit::Hours },
        Self { number: 7, unit: Unit::Days },
        Self { number: 30, unit: Unit::Days },
    ];

    fn new(number: u32, unit: Unit) -> Option<Self> {
        let span = Self { number, unit };
        let is_in_range = number > 0 && span.minutes() <= i64::from(Self::MAX_DAYS) * 24 * 60;
        is_in_range.then_some(span)
    }

    fn minutes(self) -> i64 {
        let minutes = match self.unit {
            Unit::Minutes => 1,
            Unit::Hours => 60,
            Unit::Days => 24 * 60,
        };
        i64::from(self.number) * minutes
    }

    /// The time this long before `now`; the beginning of time where that is earlier.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        let earlier = now.date_time() - Duration::minutes(self.minutes());
        Timestamp::new(earlier).unwrap_or_default()
    }

    /// In words, such as `24 h` and `7 days`.
    pub(crate) fn words(self) -> String {
        let Self { number, unit } = self;
        match (number, unit) {
            (_, Unit::Minutes) => format!("{number} min"),
            (_, Unit::Hours) => format!("{number} h"),
            (1, Unit::Days) => "1 day".to_owned(),
            (_, Unit::Days) => format!("{number} days"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Minutes => 'm',
            Unit::Hours => 'h',
            Unit::Days => 'd',
        };
        write!(f, "{}{unit}", self.number)
    }
}

/// The text is not a [`Span`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InvalidSpan;

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let (unit_at, unit) = text.char_indices().last().ok_or(InvalidSpan)?;
        let unit = match unit {
            'm' => Unit::Minutes,
            'h' => Unit::Hours,
            'd' => Unit::Days,
            _ => return Err(InvalidSpan),
        };
        let digits = &text[..unit_at];
        // A sign and leading zeros would give one span several addresses.
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        let number = digits.parse().ok().filter(|_| is_plain);
        number.and_then(|number| Self::new(number, unit)).ok_or(InvalidSpan)
    }
}

impl Window {
    /// Takes `since`, or `from` and `to`.
    pub(crate) fn take(parameters: &mut Parameters) -> Self {
        let since = parameters.take("since", |text| {
            let message = |InvalidSpan| {
                format!("It must be a number of minutes, hours or days, such as 90m, 24h or 7d, up to {}d.", Span::MAX_DAYS)
            };
            text.parse::<Span>().map_err(message)
        });
        let has_since = since.is_some();
        let from = parameters
            .take("from", |text| from_time(text).and_then(|time| not_with_since(has_since, time)));
        let to = parameters.take("to", |text| {
            let to = to_time(text).and_then(|time| not_with_since(has_since, time))?;
            match from.is_some_and(|from| from >= to) {
                true => Err("It must be later than from.".to_owned()),
                false => Ok(to),
            }
        });
        match (since, from, to) {
            (Some(since), ..) => Self::Since(since),
            (None, None, None) => Self::All,
            (None, from, to) => Self::Between { from, to },
        }
    }

    /// The values of `since`, `from` and `to`.
    pub(crate) const fn parameters(self) -> (Option<Span>, Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::All => (None, None, None),
            Self::Since(span) => (Some(span), None, None),
            Self::Between { from, to } => (None, from, to),
        }
    }

    /// The earliest start and the time before which the runs started.
    pub(crate) fn bounds(self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::All => (None, None),
            Self::Since(span) => (Some(span.before(now)), None),
            Self::Between { from, to } => (from, to),
        }
    }
}

/// The beginning of a window as an address or a form writes it: a time, or the start of a day.
pub(crate) fn from_time(text: &str) -> Result<Timestamp, String> {
    time_or_day(text, Duration::zero())
}

/// The time before which a window ends as an address or a form writes it: a time, or a day, which belongs to the window.
pub(crate) fn to_time(text: &str) -> Result<Timestamp, String> {
    time_or_day(text, Duration::days(1))
}

/// A time, or the start of a day and a length. Days are in UTC, and so are times without an offset, as the fields of forms
/// send them.
fn time_or_day(text: &str, after_day: Duration) -> Result<Timestamp, String> {
    let time = match day(text) {
        Some(day) => {
            let end = day + after_day;
            // No time is after the last day.
            Timestamp::new(end).or_else(|_| Timestamp::new(end - Duration::microseconds(1))).ok()
        }
        None => text
            .parse()
            .or_else(|error| match error {
                InvalidTimestamp::OffsetMissing => format!("{text}Z").parse(),
                InvalidTimestamp::Malformed => Err(error),
            })
            .ok(),
    };
    time.ok_or_else(|| {
        "It must be a day or a time, such as 2026-03-01 or 2026-03-01T08:30:00Z.".to_owned()
    })
}

/// The start of a day such as `2026-03-01`.
fn day(text: &str) -> Option<DateTime<Utc>> {
    let is_whole =
        text.len() == "2026-03-01".len() && text.starts_with(|sign: char| sign.is_ascii_digit());
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_whole)?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

fn not_with_since<T>(has_since: bool, value: T) -> Result<T, String> {
    match has_since {
        true => Err("It cannot be combined with since.".to_owned()),
        false => Ok(value),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    fn times() -> impl Strategy<Value = Timestamp> {
        (-62_135_596_800_000_000_i64..253_402_300_800_000_000).prop_map(|micros| {
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
            Timestamp::new(time).unwrap()
        })
    }

    /// Any window.
    pub(crate) fn windows() -> impl Strategy<Value = Window> {
        let spans = (1_u32..=Span::MAX_DAYS, 0_usize..3).prop_map(|(number, unit)| {
            let units = [Unit::Minutes, Unit::Hours, Unit::Days];
            Span { number, unit: units[unit] }
        });
        let between =
            (option::of(times()), option::of(times())).prop_map(|(from, to)| match (from, to) {
                (None, None) => Window::All,
                (Some(from), Some(to)) if from >= to => {
                    Window::Between { from: Some(from), to: None }
                }
                (from, to) => Window::Between { from, to },
            });
        prop_oneof![Just(Window::All), spans.prop_map(Window::Since), between]
    }

    fn taken(query: &str) -> Result<Window, usize> {
        let mut parameters = Parameters::of(Some(query));
        let window = Window::take(&mut parameters);
        parameters.finish("/ui").map(|()| window).map_err(|bad| bad.faults.len())
    }

    #[test]
    fn the_time_of_a_form_is_in_utc() {
        let expected = "2026-11-26T19:42:00Z".parse().unwrap();
        let window = Window::Between { from: Some(expected), to: None };
        assert_eq!(taken("from=2026-11-26T19:42&to="), Ok(window));
        assert_eq!(taken("from=2026-11-26T20:42%2B01:00"), Ok(window));
    }

    #[test]
    fn a_day_is_whole_and_in_utc() {
        let time = |text: &str| Some(text.parse().unwrap());
        let window = |from, to| Ok(Window::Between { from, to });
        let (start, end) = (time("2026-11-26T00:00:00Z"), time("2026-11-27T00:00:00Z"));
        assert_eq!(taken("from=2026-11-26&to=2026-11-26"), window(start, end));
        assert_eq!(
            taken("from=2026-11-26&to=2026-11-26T08:30"),
            window(start, time("2026-11-26T08:30:00Z"))
        );
        assert_eq!(taken("to=2026-02-28"), window(None, time("2026-03-01T00:00:00Z")));
        let last = time("9999-12-31T23:59:59.999999Z");
        assert_eq!(taken("to=9999-12-31"), window(None, last));
        for other in ["from=2026-02-30", "from=2026-2-1", "from=26-02-01", "from=+026-02-01"] {
            assert_eq!(taken(other), Err(1), "{other}");
        }
        assert_eq!(taken("from=2026-11-27&to=2026-11-26"), Err(1));
    }

    #[test]
    fn since_excludes_from_and_to_and_to_is_later_than_from() {
        assert_eq!(taken("since=24h&from=2026-11-26T19:42"), Err(1));
        assert_eq!(taken("since=24h&from=2026-11-26T19:42&to=2026-11-27T19:42Z"), Err(2));
        assert_eq!(taken("from=2026-11-26T19:42Z&to=2026-11-26T19:42Z"), Err(1));
        assert_eq!(taken("to=2026-11-26T19:42Z").map(|window| window != Window::All), Ok(true));
    }

    #[test]
    fn a_span_is_read_and_printed_as_it_was_written() {
        for text in ["1m", "90m", "1h", "24h", "7d", "3660d", "87840h"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_no_spans() {
        for text in [
            "",
            "h",
            "0h",
            "024h",
            "+1h",
            "-1h",
            "1",
            "1w",
            "1 h",
            "1H",
            "3661d",
            "99999999999d",
            "１h",
            "1é",
        ] {
            assert_eq!(text.parse::<Span>(), Err(InvalidSpan), "{text:?}");
        }
    }

    #[test]
    fn a_span_counts_back_from_now() {
        let now: Timestamp = "2026-03-02T08:30:00Z".parse().unwrap();
        let span: Span = "7d".parse().unwrap();
        assert_eq!(span.before(now).to_string(), "2026-02-23T08:30:00Z");
        let first: Timestamp = "0001-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(span.before(first), Timestamp::default());
    }
}
