//! The address of the timeline: `/ui/timeline`.

use std::fmt;

use chrono::{Duration, DurationRound as _};
use flowruns_domain::timestamp::Timestamp;

use super::{BadAddress, FlowPosition, Parameters, Query, window::to_time};
use crate::{links::TIMELINE, view::lane::Axis};

/// What the timeline shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct TimelineAddress {
    /// The length of the window.
    pub(crate) hours: Hours,
    /// The right edge; `None` for the end of the current hour.
    pub(crate) to: Option<Timestamp>,
    /// Where the page of flows begins; `None` for the first one.
    pub(crate) after: Option<FlowPosition>,
}

/// The length of the window of a timeline.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Hours {
    /// 6 hours.
    Six,
    /// One day.
    #[default]
    Day,
    /// Three days.
    ThreeDays,
}

impl Hours {
    /// All lengths.
    pub(crate) const ALL: [Self; 3] = [Self::Six, Self::Day, Self::ThreeDays];

    /// The number of hours.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Six => 6,
            Self::Day => 24,
            Self::ThreeDays => 72,
        }
    }

    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Six => "6 h",
            Self::Day => "24 h",
            Self::ThreeDays => "3 days",
        }
    }

    /// The number of hours between two labels of the axis, of which there are 7 or 9.
    pub(crate) const fn between_labels(self) -> u8 {
        match self {
            Self::Six => 1,
            Self::Day => 3,
            Self::ThreeDays => 12,
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|hours| hours.number().to_string() == text);
        known.ok_or_else(|| "It must be 6, 24 or 72.".to_owned())
    }

    fn duration(self) -> Duration {
        Duration::hours(i64::from(self.number()))
    }
}

impl TimelineAddress {
    /// Reads the query of an address.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, BadAddress> {
        let mut parameters = Parameters::of(query);
        let address = Self {
            hours: parameters.take("hours", Hours::from_text).unwrap_or_default(),
            to: parameters.take("to", to_time),
            after: parameters.take("after", FlowPosition::from_text),
        };
        parameters.finish(TIMELINE)?;
        Ok(address)
    }

    /// The address with another path, for other formats.
    pub(crate) fn at(&self, path: &str) -> Query {
        let Self { hours, to, after } = self;
        let hours = (*hours != Hours::default()).then(|| hours.number());
        Query::new(path).with("hours", hours).with("to", *to).with("after", after.as_ref())
    }

    /// The edges of the window.
    pub(crate) fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let to = self.to.unwrap_or_else(|| end_of_hour(now));
        let from = Timestamp::new(to.date_time() - self.hours.duration());
        (from.unwrap_or(to), to)
    }

    /// The axis of the window. Now is the end of the current minute, so that the picture changes once a minute at most.
    pub(crate) fn axis(&self, now: Timestamp) -> Axis {
        let (from, to) = self.window(now);
        Axis { from, to, now: end_of(now, Duration::minutes(1)) }
    }

    /// The window before this one, of the same flows; `None` before the year 1.
    pub(crate) fn earlier(&self, now: Timestamp) -> Option<Self> {
        let (from, to) = self.window(now);
        (from < to).then(|| Self { to: Some(from), ..self.clone() })
    }

    /// The window after this one, of the same flows; `None` after the current one.
    pub(crate) fn later(&self, now: Timestamp) -> Option<Self> {
        let to = self.to?;
        let current = end_of_hour(now);
        if to >= current {
            return None;
        }
        let later = Timestamp::new(to.date_time() + self.hours.duration()).ok();
        // The window that reaches the current hour follows the clock.
        Some(Self { to: later.filter(|later| *later < current), ..self.clone() })
    }

    /// A window of another length, with the same right edge.
    pub(crate) fn with_hours(&self, hours: Hours) -> Self {
        Self { hours, ..self.clone() }
    }

    /// The same window of the flows after a position.
    pub(crate) fn after(&self, after: Option<FlowPosition>) -> Self {
        Self { after, ..self.clone() }
    }

    /// The times that the axis names, from the left edge to the right one.
    pub(crate) fn labels(&self, now: Timestamp) -> Vec<Timestamp> {
        let (from, _) = self.window(now);
        let step = usize::from(self.hours.between_labels());
        let hours = (0..=self.hours.number()).step_by(step);
        let at =
            |hour: u8| Timestamp::new(from.date_time() + Duration::hours(i64::from(hour))).ok();
        hours.filter_map(at).collect()
    }
}

impl fmt::Display for TimelineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at(TIMELINE).fmt(f)
    }
}

/// The end of the hour that a time is in; a full hour is its own end.
fn end_of_hour(now: Timestamp) -> Timestamp {
    end_of(now, Duration::hours(1))
}

fn end_of(now: Timestamp, unit: Duration) -> Timestamp {
    let end = now.date_time().duration_round_up(unit);
    end.ok().and_then(|end| Timestamp::new(end).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use flowruns_domain::id::FlowId;
    use flowruns_testing::fixtures::fresh_uuid;
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    fn addresses() -> impl Strategy<Value = TimelineAddress> {
        let position = r"[^\x00\n]{0,40}"
            .prop_map(|name| FlowPosition { flow: FlowId::new(fresh_uuid()).unwrap(), name });
        let to = (-62_135_596_800_000_000_i64..253_402_300_800_000_000).prop_map(|micros| {
            Timestamp::new(chrono::DateTime::from_timestamp_micros(micros).unwrap()).unwrap()
        });
        (select(Hours::ALL.as_slice()), option::of(to), option::of(position))
            .prop_map(|(hours, to, after)| TimelineAddress { hours, to, after })
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address in addresses()) {
            let text = address.to_string();
            let query = text.split_once('?').map(|(_, query)| query);
            prop_assert_eq!(TimelineAddress::parse(query), Ok(address));
        }
    }

    #[test]
    fn malformed_parameters_are_named() {
        for query in ["hours=12", "hours=06", "hours=+6", "to=now", "after=x", "since=24h"] {
            let bad = TimelineAddress::parse(Some(query)).unwrap_err();
            assert_eq!(bad.faults.len(), 1, "{query}");
            assert_eq!(bad.without.to_string(), "/ui/timeline", "{query}");
        }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_window_ends_with_the_current_hour_unless_the_address_says_otherwise() {
        let now = time("2026-11-27T19:42:04Z");
        let day = TimelineAddress::default();
        let (from, to) = day.window(now);
        assert_eq!((from, to), (time("2026-11-26T20:00:00Z"), time("2026-11-27T20:00:00Z")));
        let past =
            TimelineAddress { hours: Hours::Six, to: Some(time("2026-01-01T00:10:00Z")), ..day };
        let (from, to) = past.window(now);
        assert_eq!((from, to), (time("2025-12-31T18:10:00Z"), time("2026-01-01T00:10:00Z")));
    }

    #[test]
    fn a_full_hour_is_its_own_end() {
        let (_, to) = TimelineAddress::default().window(time("2026-11-27T19:00:00Z"));
        assert_eq!(to, time("2026-11-27T19:00:00Z"));
    }

    #[test]
    fn earlier_and_later_are_whole_windows_and_later_ends_with_the_current_one() {
        let now = time("2026-11-27T19:42:04Z");
        let current = TimelineAddress::default();
        assert_eq!(current.later(now), None);
        let earlier = current.earlier(now).unwrap();
        assert_eq!(earlier.to, Some(time("2026-11-26T20:00:00Z")));
        assert_eq!(earlier.later(now), Some(current));
        let future = TimelineAddress { to: Some(time("2027-01-01T00:00:00Z")), ..earlier };
        assert_eq!(future.later(now), None);
    }

    #[test]
    fn there_is_no_window_before_the_first_year_and_none_after_the_last() {
        let now = time("2026-11-27T19:42:04Z");
        let first =
            TimelineAddress { to: Some(time("0001-01-01T03:00:00Z")), ..Default::default() };
        assert_eq!(first.earlier(now), None);
        assert!(first.later(now).is_some());
    }

    #[test]
    fn the_axis_names_both_edges() {
        let now = time("2026-11-27T19:42:04Z");
        for (hours, number) in [(Hours::Six, 7), (Hours::Day, 9), (Hours::ThreeDays, 7)] {
            let address = TimelineAddress { hours, ..Default::default() };
            let (from, to) = address.window(now);
            let labels = address.labels(now);
            assert_eq!(labels.len(), number);
            assert_eq!((labels.first(), labels.last()), (Some(&from), Some(&to)));
        }
    }
}
