//! Times and durations, as arguments and as people read them.

use std::time::Duration;

use flowruns_client::{Clock as _, SystemClock, Timestamp};

/// The current time.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// A time as an argument: `24h` ago, a date (its midnight in UTC), or a time with an offset.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        let ago = chrono::TimeDelta::from_std(ago).map_err(|error| error.to_string())?;
        let time = now().date_time().checked_sub_signed(ago);
        return time
            .and_then(|time| Timestamp::new(time).ok())
            .ok_or_else(|| "before the year 1".to_owned());
    }
    let midnight = format!("{text}T00:00:00Z");
    text.parse().or_else(|error: <Timestamp as std::str::FromStr>::Err| {
        let is_date = text.len() == "2026-03-01".len();
        midnight.parse().ok().filter(|_| is_date).ok_or_else(|| {
            format!(
                "neither a duration such as 24h, nor a date such as 2026-03-01, nor a time: {error}"
            )
        })
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
    fn a_time_is_a_duration_ago_a_date_or_a_time_with_an_offset() {
        let parsed = |text| parse_time(text).map(|time| time.to_string());
        assert_eq!(parsed("2026-03-01").unwrap(), "2026-03-01T00:00:00Z");
        assert_eq!(parsed("2026-03-01T09:30:00+01:00").unwrap(), "2026-03-01T08:30:00Z");
        let day = now().since(parse_time("24h").unwrap()).as_secs();
        assert!((86_400..86_460).contains(&day), "{day}");
        for text in ["", "yesterday", "2026-3-1", "2026-03-01T09:30:00", "9999999y"] {
            assert!(parsed(text).is_err(), "{text}");
        }
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
