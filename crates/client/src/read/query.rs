//! Queries of lists.

use flowruns_domain::timestamp::Timestamp;

use crate::Status;

/// The order of a list of runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// The latest start first.
    #[default]
    NewestFirst,
    /// The earliest start first.
    OldestFirst,
}

/// Which runs of a flow, or of all flows, to list.
///
/// ```
/// use flowruns_client::{RunQuery, Status};
///
/// let failed = RunQuery::new()
///     .status([Status::Failed, Status::CompletedWithErrors])
///     .since("2026-03-01T00:00:00Z".parse().unwrap())
///     .page_size(100);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunQuery {
    statuses: Vec<Status>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    name: Option<String>,
    order: Order,
    page_size: Option<u16>,
    with_flow_names: bool,
}

impl RunQuery {
    /// All runs, the newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only runs of these statuses.
    #[must_use]
    pub fn status(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Only runs that started at this time or later.
    #[must_use]
    pub const fn since(mut self, start: Timestamp) -> Self {
        self.since = Some(start);
        self
    }

    /// Only runs that started before this time.
    #[must_use]
    pub const fn before(mut self, start: Timestamp) -> Self {
        self.before = Some(start);
        self
    }

    /// Only runs with this name. Not offered across flows.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The order; the newest first without it.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Rows of one page, 1 to 1000; 50 without it. The list goes on with the next page.
    #[must_use]
    pub fn page_size(mut self, rows: u16) -> Self {
        self.page_size = Some(rows.clamp(1, 1000));
        self
    }

    /// Reads the name of each run's flow too.
    #[must_use]
    pub const fn with_flow_names(mut self) -> Self {
        self.with_flow_names = true;
        self
    }

    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        let mut terms = Vec::new();
        if !self.statuses.is_empty() {
            let statuses = self.statuses.iter().map(|status| quoted(status.as_str()));
            terms.push(format!("status in ({})", statuses.collect::<Vec<_>>().join(",")));
        }
        terms.extend(self.since.map(|since| format!("startDateTime ge {since}")));
        terms.extend(self.before.map(|before| format!("startDateTime lt {before}")));
        terms.extend(self.name.as_deref().map(|name| format!("displayName eq {}", quoted(name))));
        let mut options = Vec::new();
        if !terms.is_empty() {
            options.push(("$filter", terms.join(" and ")));
        }
        if self.order == Order::OldestFirst {
            options.push(("$orderby", "startDateTime asc".to_owned()));
        }
        options.extend(self.page_size.map(|rows| ("$top", rows.to_string())));
        if self.with_flow_names {
            options.push(("$expand", "process".to_owned()));
        }
        options
    }
}

/// Which flows to list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowQuery {
    name: Option<String>,
    page_size: Option<u16>,
}

impl FlowQuery {
    /// All flows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only flows with exactly this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Rows of one page, 1 to 1000; 50 without it. The list goes on with the next page.
    #[must_use]
    pub fn page_size(mut self, rows: u16) -> Self {
        self.page_size = Some(rows.clamp(1, 1000));
        self
    }

    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        let filter = self.name.as_deref().map(|name| format!("displayName eq {}", quoted(name)));
        let filter = filter.map(|filter| ("$filter", filter));
        filter.into_iter().chain(self.page_size.map(|rows| ("$top", rows.to_string()))).collect()
    }
}

/// A literal of OData: quotes are doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_the_options_of_the_service() {
        let query = RunQuery::new()
            .status([Status::Failed, Status::Running])
            .since("2026-03-01T00:00:00Z".parse().unwrap())
            .before("2026-03-02T00:00:00Z".parse().unwrap())
            .name("it's")
            .order(Order::OldestFirst)
            .page_size(0)
            .with_flow_names();
        let filter = "status in ('failed','running') and startDateTime ge 2026-03-01T00:00:00Z and \
                      startDateTime lt 2026-03-02T00:00:00Z and displayName eq 'it''s'";
        assert_eq!(
            query.options(),
            [
                ("$filter", filter.to_owned()),
                ("$orderby", "startDateTime asc".to_owned()),
                ("$top", "1".to_owned()),
                ("$expand", "process".to_owned()),
            ]
        );
        assert!(RunQuery::new().options().is_empty());
        assert!(FlowQuery::new().options().is_empty());
    }
}
