//! The address of the overview.

use std::{fmt, str::FromStr as _};

use flowruns_domain::{
    display_name::DisplayName,
    flow::Flow,
    id::FlowId,
    query::{FlowCursor, SortKey},
};

use super::{BadAddress, Parameters, Query, stored_text};
use crate::links::{OVERVIEW, OVERVIEW_JSON};

/// Which flows are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Show {
    /// Those whose last outcome is bad, or that are late or stale.
    Attention,
    /// Those with a run in progress.
    Running,
    /// Those that have not started a run for longer than usual.
    Late,
    /// Those with a run that has been in progress for longer than usual.
    Stale,
}

impl Show {
    pub(crate) const ALL: [Self; 4] = [Self::Attention, Self::Running, Self::Late, Self::Stale];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Running => "running",
            Self::Late => "late",
            Self::Stale => "stale",
        }
    }

    fn from_name(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|show| show.name() == name);
        known.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("It must be one of: {known}.")
        })
    }
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The position of a flow in the order of names: the last flow of the page before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FlowPosition {
    pub(crate) flow: FlowId,
    pub(crate) name: String,
}

impl FlowPosition {
    /// The position of a flow.
    pub(crate) fn of(flow: &Flow) -> Self {
        let name = flow.properties.display_name.as_str().to_owned();
        Self { flow: flow.key.flow, name }
    }

    /// The position of a cursor by name; `None` for one of another order.
    pub(crate) fn from_cursor(cursor: FlowCursor) -> Option<Self> {
        match cursor.key {
            SortKey::Name(name) => Some(Self { flow: cursor.flow, name }),
            SortKey::Id | SortKey::Time(_) => None,
        }
    }

    /// The cursor in the order of names.
    pub(crate) fn cursor(&self) -> FlowCursor {
        FlowCursor { key: SortKey::Name(self.name.clone()), flow: self.flow }
    }

    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(' ').and_then(|(flow, name)| {
            let is_short = name.chars().count() <= DisplayName::MAX_CHARS;
            let name = stored_text(name).ok()?;
            let flow = FlowId::from_str(flow).ok().filter(|_| is_short)?;
            Some(Self { flow, name: name.to_owned() })
        });
        parsed.ok_or_else(|| "It is not a position that a page has linked to.".to_owned())
    }
}

impl fmt::Display for FlowPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flow, self.name)
    }
}

/// The address of the overview.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OverviewAddress {
    pub(crate) show: Option<Show>,
    /// The beginning of the names of the flows.
    pub(crate) name: Option<String>,
    pub(crate) after: Option<FlowPosition>,
    /// How many flows a page has; `None` is [`DEFAULT_SIZE`](Self::DEFAULT_SIZE).
    pub(crate) size: Option<u8>,
}

impl OverviewAddress {
    pub(crate) const DEFAULT_SIZE: u8 = 25;
    pub(crate) const MAX_SIZE: u8 = 100;

    /// The overview without parameters, of some flows.
    pub(crate) fn showing(show: Show) -> Self {
        Self { show: Some(show), ..Self::default() }
    }

    /// The address of the JSON of the page.
    pub(crate) fn json(&self) -> Query {
        self.at(OVERVIEW_JSON)
    }

    fn at(&self, path: &'static str) -> Query {
        let Self { show, name, after, size } = self;
        let query = Query::new(path).with("show", *show).with("name", name.as_ref());
        query.with("after", after.as_ref()).with("size", *size)
    }

    /// How many flows a page has.
    pub(crate) fn size(&self) -> u8 {
        self.size.unwrap_or(Self::DEFAULT_SIZE)
    }

    /// Reads the query of an address.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, BadAddress> {
        let mut parameters = Parameters::of(query);
        let address = Self {
            show: parameters.take("show", Show::from_name),
            name: parameters.take("name", name),
            after: parameters.take("after", FlowPosition::from_text),
            size: parameters.take("size", size),
        };
        parameters.finish(OVERVIEW)?;
        Ok(address)
    }
}

impl fmt::Display for OverviewAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at(OVERVIEW).fmt(f)
    }
}

fn name(text: &str) -> Result<String, String> {
    let text = stored_text(text)?;
    match text.chars().count() <= DisplayName::MAX_CHARS {
        true => Ok(text.to_owned()),
        false => Err(format!("A name has at most {} characters.", DisplayName::MAX_CHARS)),
    }
}

fn size(text: &str) -> Result<u8, String> {
    let size = text.parse().ok().filter(|size| (1..=OverviewAddress::MAX_SIZE).contains(size));
    size.ok_or_else(|| format!("It must be a number from 1 to {}.", OverviewAddress::MAX_SIZE))
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::fresh_uuid;
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    fn position() -> impl Strategy<Value = FlowPosition> {
        r"[^\x00\n]{0,40}"
            .prop_map(|name| FlowPosition { flow: FlowId::new(fresh_uuid()).unwrap(), name })
    }

    fn addresses() -> impl Strategy<Value = OverviewAddress> {
        let name = option::of(r"[^\x00\n]{1,40}");
        let size = option::of(1..=OverviewAddress::MAX_SIZE);
        (option::of(select(Show::ALL.as_slice())), name, option::of(position()), size)
            .prop_map(|(show, name, after, size)| OverviewAddress { show, name, after, size })
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address in addresses()) {
            let text = address.to_string();
            let query = text.split_once('?').map(|(_, query)| query);
            prop_assert_eq!(OverviewAddress::parse(query), Ok(address));
        }
    }

    #[test]
    fn malformed_parameters_are_named() {
        for query in ["show=all", "size=0", "size=101", "size=+1", "after=x", "flow=1"] {
            let bad = OverviewAddress::parse(Some(query)).unwrap_err();
            assert_eq!(bad.faults.len(), 1, "{query}");
            assert_eq!(bad.without.to_string(), "/ui", "{query}");
        }
    }
}
