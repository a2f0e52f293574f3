//! The order of the runs of a flow, and the positions in it.

use std::fmt;

use flowruns_domain::{
    dashboard::NEWEST_FIRST,
    display_name::DisplayName,
    id::RunId,
    query::{Direction, RunCursor, RunOrder, RunSort, SortKey},
};

/// The order of the runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RunsOrder {
    /// The latest start first.
    #[default]
    Newest,
    /// The earliest start first.
    Oldest,
    /// The latest end first; runs in progress last.
    Ended,
    /// By name.
    Name,
}

impl RunsOrder {
    pub(crate) const ALL: [Self; 4] = [Self::Newest, Self::Oldest, Self::Ended, Self::Name];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Ended => "ended",
            Self::Name => "name",
        }
    }

    /// In words, as the page offers it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Newest => "newest first",
            Self::Oldest => "oldest first",
            Self::Ended => "ended last first",
            Self::Name => "by name",
        }
    }

    /// Reads the name of an order.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|order| order.name() == text);
        known.ok_or_else(|| format!("It must be one of: {}.", Self::ALL.map(Self::name).join(", ")))
    }

    /// The order of the query.
    pub(crate) const fn run_order(self) -> RunOrder {
        match self {
            Self::Newest => NEWEST_FIRST,
            Self::Oldest => RunOrder {
                sort: NEWEST_FIRST.sort,
                direction: NEWEST_FIRST.direction.reversed(),
                ties: NEWEST_FIRST.ties.reversed(),
            },
            // The index has this order of ties, so that a page takes one statement for each of its ranges.
            Self::Ended => RunOrder {
                ties: Direction::Ascending,
                ..RunOrder::new(RunSort::End, Direction::Descending)
            },
            Self::Name => RunOrder::new(RunSort::DisplayName, Direction::Ascending),
        }
    }
}

/// The position of the last run of the page before, in any order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FlowRunPosition {
    pub(super) key: SortKey,
    pub(super) run: RunId,
}

impl FlowRunPosition {
    /// The position of a cursor.
    pub(crate) fn of(cursor: &RunCursor) -> Self {
        Self { key: cursor.key.clone(), run: cursor.run }
    }

    /// `{run} {key}`; the key fits the order, so it is read with it.
    pub(super) fn from_text(text: &str, order: RunsOrder) -> Result<Self, String> {
        let parsed = text.split_once(' ').and_then(|(run, key)| {
            let key = match (order, key) {
                (RunsOrder::Ended, "-") => SortKey::Time(None),
                (RunsOrder::Newest | RunsOrder::Oldest | RunsOrder::Ended, time) => {
                    SortKey::Time(Some(time.parse().ok()?))
                }
                (RunsOrder::Name, text) => SortKey::Name(name(text).ok()?),
            };
            Some(Self { key, run: run.parse().ok()? })
        });
        parsed.ok_or_else(|| {
            "It is not a position that a page in this order has linked to.".to_owned()
        })
    }
}

impl fmt::Display for FlowRunPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.run)?;
        match &self.key {
            SortKey::Time(Some(time)) => time.fmt(f),
            SortKey::Time(None) | SortKey::Id => f.write_str("-"),
            SortKey::Name(name) => f.write_str(name),
        }
    }
}

/// Reads a name, or the beginning of one.
pub(super) fn name(text: &str) -> Result<String, String> {
    let is_short = text.chars().count() <= DisplayName::MAX_CHARS;
    match is_short && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "A name has at most {} characters, none of them a control character.",
            DisplayName::MAX_CHARS
        )),
    }
}
