//! Times, durations and numbers as people read them.

use std::iter;

use chrono::{TimeDelta, Timelike as _};
use flowruns_domain::timestamp::Timestamp;
use maud::{Markup, Render as _, html};
use memchr::memmem;

use crate::view::leaf::grouped;

/// A time in UTC, to the second. A script writes it in the zone of the browser, in the same number of characters, so that
/// nothing moves.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! {
        time datetime=(at) data-time="full" title={ (utc(at)) " UTC" } { (utc(at)) }
    }
}

/// Hours and minutes of a time in UTC; a script writes them in the zone of the browser.
pub(crate) fn clock_time(at: Timestamp) -> Markup {
    let date_time = at.date_time();
    let shown = format!("{:02}:{:02}", date_time.hour(), date_time.minute());
    html! {
        time datetime=(at) data-time="clock" title={ (utc(at)) " UTC" } { (shown) }
    }
}

/// The day of a time in UTC; a script writes them in the zone of the browser.
pub(crate) fn day(at: Timestamp) -> Markup {
    html! {
        time datetime=(at) data-time="day" title={ (utc(at)) " UTC" } { (first_characters(at, "2026-11-27".len())) }
    }
}

/// A time in UTC as text, to the second: `2026-11-27 19:42:05`.
pub(crate) fn utc(at: Timestamp) -> String {
    first_characters(at, "2026-11-27 19:42:05".len())
}

/// The characters of a time in UTC, to the minute: `2026-11-27 19:42`.
pub(crate) fn utc_minute(at: Timestamp) -> impl Iterator<Item = char> {
    characters(at, "2026-11-27 19:42".len())
}

fn first_characters(at: Timestamp, length: usize) -> String {
    characters(at, length).collect()
}

/// The text of a [`Timestamp`] is made much faster than a format of chrono, and a page may have a thousand times.
fn characters(at: Timestamp, length: usize) -> impl Iterator<Item = char> {
    let ascii = at.ascii();
    (0..length).filter_map(move |place| match ascii.as_ref().get(place)? {
        b'T' => Some(' '),
        byte => Some(char::from(*byte)),
    })
}

/// The time between two times; zero if the second one is earlier, as with clocks that differ.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> TimeDelta {
    (to.date_time() - from.date_time()).max(TimeDelta::zero())
}

/// A duration: `0.4 s`, `38 s`, `5 min 03 s`, `2 h 07 min`, `3 d 04 h`.
pub(crate) fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10 => {
            let tenths = length.num_milliseconds().max(0) / 100;
            if tenths % 10 == 0 {
                format!("{seconds} s")
            } else {
                format!("{}.{} s", tenths / 10, tenths % 10)
            }
        }
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {:02} s", seconds % 60),
        (0, _, _) => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// A duration in seconds, as [`duration`] shows it.
pub(crate) fn seconds(length: f64) -> String {
    // The conversion of a float saturates.
    let milliseconds = TimeDelta::try_milliseconds((length * 1000.0) as i64);
    duration(milliseconds.unwrap_or(TimeDelta::MAX))
}

/// How long ago a time was: `12 s ago`, `7 min ago`, `3 h ago`, `12 days ago`; `in 5 min` for one in the future.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.date_time() - at.date_time()).num_seconds();
    let text = rough(seconds.abs());
    if seconds < 0 { format!("in {text}") } else { format!("{text} ago") }
}

/// [`ago`] for a page that stays open: a script writes it again as time passes.
pub(crate) fn ticking_ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(at) title={ (utc(at)) " UTC" } data-ticks="ago" { (ago(at, now)) } }
}

/// The [`duration`] since a time, for a page that stays open: a script writes it again as time passes.
pub(crate) fn ticking_duration(since: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(since) data-ticks="for" { (duration(between(since, now))) } }
}

/// The pieces of the markup without the texts that change with time alone, which the functions above have written.
pub(crate) fn without_ticking_texts(html: &str) -> impl Iterator<Item = &str> {
    const MARK: &str = " data-ticks=\"";
    const END: &str = "</time>";
    let mut rest = html;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // A quotation mark of a text is escaped, so that no text looks like the attribute.
        let tag_end = memmem::find(rest.as_bytes(), MARK.as_bytes())
            .and_then(|mark| Some(mark + rest[mark..].find('>')? + 1));
        let (stable, after) = rest.split_at(tag_end.unwrap_or(rest.len()));
        rest = after.find(END).map_or("", |end| &after[end..]);
        Some(stable)
    })
}

/// A duration in one unit.
pub(crate) fn rough(seconds: i64) -> String {
    let mut text = String::new();
    push_rough(&mut text, seconds);
    text
}

/// Writes a duration in one unit.
pub(crate) fn push_rough(out: &mut String, seconds: i64) {
    let (number, unit) = match seconds {
        0..60 => (seconds, " s"),
        60..5_400 => (seconds / 60, " min"),
        5_400..172_800 => (seconds / 3600, " h"),
        _ => (seconds / 86_400, " days"),
    };
    number.render_to(out);
    out.push_str(unit);
}

/// A duration in one unit. A minute or more changes at most once a minute with time, which live pages need.
pub(crate) fn rough_length(length: std::time::Duration) -> String {
    rough(i64::try_from(length.as_secs()).unwrap_or(i64::MAX))
}

/// How often something happens: `hourly`, `daily`, `weekly`, else `every 15 min`.
pub(crate) fn every(gap: std::time::Duration) -> String {
    const NAMED: [(u64, &str); 4] =
        [(60, "every minute"), (3600, "hourly"), (86_400, "daily"), (604_800, "weekly")];
    let seconds = gap.as_secs();
    let is_near = |exact: u64| seconds.abs_diff(exact) * 20 <= exact;
    match NAMED.iter().find(|(exact, _)| is_near(*exact)) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("every {}", rough_length(gap)),
    }
}

/// A whole number with a comma before each three digits: `49,077`.
pub(crate) fn count(number: i64) -> String {
    let sign = if number < 0 { "\u{2212}" } else { "" };
    sign.to_owned() + &grouped(&number.unsigned_abs().to_string())
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::time as at;

    use super::*;

    #[test]
    fn a_duration_has_two_units_at_most() {
        for (millis, shown) in [
            (0, "0 s"),
            (420, "0.4 s"),
            (9_000, "9 s"),
            (38_900, "38 s"),
            (303_000, "5 min 03 s"),
            (7_620_000, "2 h 07 min"),
            (273_600_000, "3 d 04 h"),
            (-5, "0 s"),
        ] {
            assert_eq!(duration(TimeDelta::milliseconds(millis)), shown, "{millis} ms");
        }
    }

    #[test]
    fn a_time_is_told_by_its_distance() {
        let now = at("2026-11-27T19:42:05Z");
        for (then, shown) in [
            ("2026-11-27T19:42:05Z", "0 s ago"),
            ("2026-11-27T19:41:06Z", "59 s ago"),
            ("2026-11-27T18:12:06Z", "89 min ago"),
            ("2026-11-27T18:12:05Z", "1 h ago"),
            ("2026-11-25T19:42:06Z", "47 h ago"),
            ("2026-11-25T19:42:05Z", "2 days ago"),
            ("2026-11-27T19:47:05Z", "in 5 min"),
        ] {
            assert_eq!(ago(at(then), now), shown, "{then}");
        }
    }

    #[test]
    fn a_time_that_passes_does_not_change_the_stable_markup() {
        let (then, now) = (at("2026-11-27T19:41:06Z"), at("2026-11-27T19:42:05Z"));
        let later = at("2026-11-27T19:55:05Z");
        let row = |now| {
            let row = html! {
                td { "a data-ticks=\"ago\">" (ticking_ago(then, now)) }
                td { (ticking_duration(then, now)) " so far" }
            };
            row.into_string()
        };
        assert!(row(now).contains("data-ticks=\"ago\">59 s ago</time>"));
        assert!(row(now).contains("data-ticks=\"for\">59 s</time> so far"));
        assert_ne!(row(now), row(later));
        let stable_part = |html: &str| without_ticking_texts(html).collect::<String>();
        let stable = stable_part(&row(now));
        assert_eq!(stable, stable_part(&row(later)));
        assert!(stable.contains("data-ticks=&quot;ago&quot;&gt;<time"), "{stable}");
        assert!(stable.ends_with("</time> so far</td>"), "{stable}");
        for other in ["<p>9 s ago</p>", "", "<p data-ticks=\""] {
            assert_eq!(stable_part(other), other);
        }
    }

    #[test]
    fn a_habit_has_a_name_if_it_is_near_to_one() {
        for (seconds, shown) in [
            (60, "every minute"),
            (900, "every 15 min"),
            (3_590, "hourly"),
            (86_000, "daily"),
            (43_200, "every 12 h"),
            (610_000, "weekly"),
            (2_592_000, "every 30 days"),
        ] {
            assert_eq!(every(std::time::Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn a_number_has_groups_of_three_digits() {
        for (number, shown) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (-49_077, "\u{2212}49,077")]
        {
            assert_eq!(count(number), shown);
        }
    }

    #[test]
    fn a_time_has_no_fraction_as_text() {
        let time = at("0999-01-02T03:04:05.678901Z");
        assert_eq!(utc(time), "0999-01-02 03:04:05");
        assert_eq!(utc_minute(time).collect::<String>(), "0999-01-02 03:04");
        assert!(day(time).into_string().ends_with(">0999-01-02</time>"));
    }

    #[test]
    fn a_time_is_written_for_machines_and_for_people() {
        let html = time(at("2026-11-27T19:42:05.123Z")).into_string();
        assert_eq!(
            html,
            "<time datetime=\"2026-11-27T19:42:05.123000Z\" data-time=\"full\" title=\"2026-11-27 19:42:05 UTC\">2026-11-27 19:42:05</time>"
        );
    }
}
