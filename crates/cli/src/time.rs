//! Times and durations, as arguments and as people read them.

use std::time::Duration;

use chrono::TimeDelta;
use flowruns_client::{Clock as _, SystemClock, Timestamp};

/// The current time.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The time from which on a list has runs: `24h` ago, a date (its midnight in UTC), or a time (in UTC if it has no offset).
pub(crate) fn from_time(text: &str) -> Result<Timestamp, String> {
    time_or_date(text, TimeDelta::zero())
}

/// The time before which a list has runs, in the forms of [`from_time`]. The list includes the day of a date, as on the dashboard.
pub(crate) fn to_time(text: &str) -> Result<Timestamp, String> {
    time_or_date(text, TimeDelta::days(1))
}

/// `after_midnight` is added to a date.
fn time_or_date(text: &str, after_midnight: TimeDelta) -> Result<Timestamp, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        let ago = TimeDelta::from_std(ago).map_err(|error| error.to_string())?;
        let time = now().date_time().checked_sub_signed(ago);
        return time
            .and_then(|time| Timestamp::new(time).ok())
            .ok_or_else(|| "before the year 1".to_owned());
    }
    let time = match format!("{text}T00:00:00Z").parse::<Timestamp>() {
        Ok(midnight) => Timestamp::new(midnight.date_time() + after_midnight).ok(),
        Err(_) => text.parse().or_else(|_| format!("{text}Z").parse()).ok(),
    };
    time.ok_or_else(|| {
        "it must be a duration such as 24h, a date such as 2026-03-01, or a time such as 2026-03-01T08:30:00Z"
            .to_owned()
    })
}

/// A time in UTC, without its fraction: `2026-03-01 08:30:00`.
pub(crate) fn shown(time: Timestamp) -> String {
    time.date_time().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A duration in at most two units: `850 ms`, `3.2 s`, `42 s`, `12 min 05 s`, `3 h 04 min`, `2 d 03 h`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// How long a run took, or takes so far.
pub(crate) fn run_length(start: Timestamp, end: Option<Timestamp>) -> Duration {
    end.unwrap_or_else(now).since(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_duration_ago_or_a_time_in_utc_unless_it_has_an_offset() {
        for parse in [from_time, to_time] {
            for text in ["2026-03-01T09:30:00+01:00", "2026-03-01T08:30:00", "2026-03-01T08:30"] {
                assert_eq!(parse(text).unwrap().to_string(), "2026-03-01T08:30:00Z", "{text}");
            }
            let yesterday = parse("24h").unwrap();
            let day = now().since(yesterday).as_secs();
            assert!((86_400..86_460).contains(&day), "{day}");
            for text in ["", "yesterday", "2026-3-1", "2026-02-30", "26-03-01", "9999999y"] {
                assert!(parse(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn a_list_includes_the_day_of_its_first_and_of_its_last_date() {
        let times = |text| [from_time(text), to_time(text)].map(|time| time.unwrap().to_string());
        assert_eq!(times("2026-03-01"), ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]);
        assert_eq!(times("2026-02-28"), ["2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"]);
        assert!(from_time("9999-12-31").is_ok());
        assert!(to_time("9999-12-31").is_err(), "the next midnight is in the year 10000");
    }

    #[test]
    fn a_duration_has_at_most_two_units() {
        let shown = |millis| duration(Duration::from_millis(millis));
        let expected = [
            (0, "0 ms"),
            (850, "850 ms"),
            (3_290, "3.2 s"),
            (42_999, "42 s"),
            (725_000, "12 min 05 s"),
            (11_040_000, "3 h 04 min"),
            (183_600_000, "2 d 03 h"),
        ];
        for (millis, text) in expected {
            assert_eq!(shown(millis), text);
        }
    }
}
