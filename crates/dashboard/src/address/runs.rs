//! The address of the list of all runs: `/ui/runs`.

use std::fmt;

use flowruns_domain::{
    dashboard::NEWEST_FIRST,
    id::{FlowId, RunId},
    query::{
        Comparison, EnumComparison, Filter, Operator, RunCursor, RunFilter, RunPredicate, SortKey,
    },
    run::{RunStatus, RunSummary},
    text::excerpt,
    timestamp::Timestamp,
};

use super::{BadAddress, Parameters, Query, window::Window};
use crate::links::RUNS;

/// What the list shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RunsAddress {
    /// The statuses; empty for all.
    pub(crate) statuses: Statuses,
    /// The starts.
    pub(crate) window: Window,
    /// Where the page begins; `None` for the first one.
    pub(crate) after: Option<RunPosition>,
}

/// A set of statuses, in the order of [`RunStatus::ALL`]. The set of all statuses is the empty one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Statuses(Vec<RunStatus>);

/// The last run of the page before, in the order of starts, the latest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RunPosition {
    start: Timestamp,
    run: RunId,
    flow: FlowId,
}

impl Statuses {
    /// A set of these.
    pub(crate) fn new(statuses: impl IntoIterator<Item = RunStatus>) -> Self {
        let chosen: Vec<RunStatus> = statuses.into_iter().collect();
        let in_order = RunStatus::ALL.into_iter().filter(|status| chosen.contains(status));
        let in_order: Vec<RunStatus> = in_order.collect();
        match in_order.len() == RunStatus::ALL.len() {
            true => Self::default(),
            false => Self(in_order),
        }
    }

    /// Whether a status is chosen by itself, and not because all are.
    pub(crate) fn names(&self, status: RunStatus) -> bool {
        self.0.contains(&status)
    }

    /// Whether all statuses are shown.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The chosen ones; none if all are shown.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RunStatus> {
        self.0.iter().copied()
    }

    /// The set with this status if it is without it, else without it.
    pub(crate) fn toggled(&self, status: RunStatus) -> Self {
        match self.names(status) {
            true => Self::new(self.iter().filter(|one| *one != status)),
            false => Self::new(self.iter().chain([status])),
        }
    }
}

impl RunPosition {
    /// The position of a cursor in the order of starts.
    pub(crate) fn of(cursor: &RunCursor) -> Option<Self> {
        match cursor.key {
            SortKey::Time(Some(start)) => Some(Self { start, run: cursor.run, flow: cursor.flow }),
            SortKey::Time(None) | SortKey::Id | SortKey::Name(_) => None,
        }
    }

    /// The position of a run.
    pub(crate) const fn of_run(run: &RunSummary) -> Self {
        Self { start: run.start, run: run.key.run, flow: run.key.flow }
    }

    /// Whether this position is behind another one in the order of starts, the latest first.
    pub(crate) fn is_after(self, other: Self) -> bool {
        NEWEST_FIRST.compare(&self.cursor(), &other.cursor()).is_gt()
    }

    /// The cursor of this position.
    pub(crate) const fn cursor(self) -> RunCursor {
        RunCursor { key: SortKey::Time(Some(self.start)), run: self.run, flow: self.flow }
    }
}

/// `{start}_{run}_{flow}`.
impl fmt::Display for RunPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, run, flow } = self;
        write!(f, "{start}_{run}_{flow}")
    }
}

impl RunPosition {
    fn from_text(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '_');
        let mut next = || parts.next();
        let parsed = (|| {
            let (start, run, flow) = (next()?, next()?, next()?);
            Some(Self {
                start: start.parse().ok()?,
                run: run.parse().ok()?,
                flow: flow.parse().ok()?,
            })
        })();
        parsed.ok_or_else(|| "It is not a position that a page has linked to.".to_owned())
    }
}

impl Statuses {
    /// Reads names with commas between them.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        let names = text.split(',');
        let statuses = names.map(|name| RunStatus::from_name(name).ok_or(name));
        let statuses: Result<Vec<RunStatus>, &str> = statuses.collect();
        statuses.map(Self::new).map_err(|unknown| {
            let known = RunStatus::ALL.map(RunStatus::as_str).join(", ");
            format!(
                "There is no status {}; known statuses, with commas between them: {known}.",
                excerpt(unknown)
            )
        })
    }
}

/// The names with commas between them.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(RunStatus::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl RunsAddress {
    /// Reads the query of an address.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, BadAddress> {
        let mut parameters = Parameters::of(query);
        let statuses = parameters.take("status", Statuses::from_text).unwrap_or_default();
        let window = Window::take(&mut parameters);
        let after = parameters.take("after", RunPosition::from_text);
        parameters.finish(RUNS)?;
        Ok(Self { statuses, window, after })
    }

    /// The address with another path, for other formats.
    pub(crate) fn at(&self, path: &str) -> Query {
        let Self { statuses, window, after } = self;
        let statuses = (!statuses.is_all()).then_some(statuses);
        let (since, from, to) = window.parameters();
        let query = Query::new(path).with("status", statuses).with("since", since);
        query.with("from", from).with("to", to).with("after", *after)
    }

    /// The condition on the runs; `None` if all match.
    pub(crate) fn filter(&self, now: Timestamp) -> Option<RunFilter> {
        let statuses: Vec<Option<RunStatus>> = self.statuses.iter().map(Some).collect();
        let status = match statuses.as_slice() {
            [] => None,
            [one] => Some(EnumComparison::Eq(*one)),
            _ => Some(EnumComparison::In(statuses)),
        };
        let (from, to) = self.window.bounds(now);
        let start = |operator, time| Comparison::Compare(operator, Some(time));
        let mut terms = Vec::new();
        terms.extend(status.map(RunPredicate::Status));
        terms.extend(from.map(|from| RunPredicate::Start(start(Operator::Ge, from))));
        terms.extend(to.map(|to| RunPredicate::Start(start(Operator::Lt, to))));
        match terms.is_empty() {
            true => None,
            false => Some(Filter::And(terms.into_iter().map(Filter::Predicate).collect())),
        }
    }

    /// The first page of runs with these statuses.
    pub(crate) fn with_statuses(&self, statuses: Statuses) -> Self {
        Self { statuses, window: self.window, after: None }
    }

    /// The first page of runs that started in this window.
    pub(crate) fn with_window(&self, window: Window) -> Self {
        Self { statuses: self.statuses.clone(), window, after: None }
    }

    /// The page after a position.
    pub(crate) fn after(&self, after: Option<RunPosition>) -> Self {
        Self { after, ..self.clone() }
    }
}

impl fmt::Display for RunsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at(RUNS).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::{fresh_uuid, moment};
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::address::window::tests::windows;

    fn positions() -> impl Strategy<Value = RunPosition> {
        (0_i64..253_402_300_800_000_000).prop_map(|micros| RunPosition {
            start: Timestamp::new(chrono::DateTime::from_timestamp_micros(micros).unwrap())
                .unwrap(),
            run: RunId::new(fresh_uuid()).unwrap(),
            flow: FlowId::new(fresh_uuid()).unwrap(),
        })
    }

    fn addresses() -> impl Strategy<Value = RunsAddress> {
        let statuses = vec(select(RunStatus::ALL.as_slice()), 0..6).prop_map(Statuses::new);
        (statuses, windows(), option::of(positions()))
            .prop_map(|(statuses, window, after)| RunsAddress { statuses, window, after })
    }

    fn parse(query: &str) -> Result<RunsAddress, BadAddress> {
        RunsAddress::parse(Some(query))
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address in addresses()) {
            let text = address.to_string();
            let query = text.split_once('?').map(|(_, query)| query);
            prop_assert_eq!(RunsAddress::parse(query), Ok(address));
        }
    }

    #[test]
    fn statuses_may_be_in_any_order_and_all_of_them_are_no_filter() {
        let address = parse("status=failed,running,failed").unwrap();
        assert_eq!(address.to_string(), "/ui/runs?status=running,failed");
        let all = RunStatus::ALL.map(RunStatus::as_str).join(",");
        assert_eq!(parse(&format!("status={all}")), Ok(RunsAddress::default()));
        assert_eq!(parse("status="), Ok(RunsAddress::default()));
    }

    #[test]
    fn malformed_parameters_are_named_and_the_rest_is_kept() {
        for malformed in [
            "status=Failed",
            "status=failed,",
            "status=unknownFutureValue",
            "since=1w",
            "from=yesterday",
            "to=2026-13-01T00:00:00Z",
            "after=x",
            "size=10",
            "since=7d&since=8d",
        ] {
            let query = match malformed.starts_with("status") {
                true => format!("{malformed}&since=24h"),
                false => format!("status=failed&{malformed}"),
            };
            let bad = parse(&query).unwrap_err();
            assert_eq!(bad.faults.len(), 1, "{query}");
            let rest = bad.without.to_string();
            assert!(rest.contains("status=failed") != rest.contains("since=24h"), "{rest}");
            assert!(parse(rest.split_once('?').unwrap().1).is_ok(), "{rest}");
        }
    }

    #[test]
    fn a_status_is_added_and_removed() {
        let failed = Statuses::from_text("failed").unwrap();
        let running = failed.toggled(RunStatus::Running);
        assert_eq!(running.to_string(), "running,failed");
        assert_eq!(running.toggled(RunStatus::Running), failed);
        let none = RunStatus::ALL.iter().fold(Statuses::default(), |set, one| set.toggled(*one));
        assert!(none.is_all(), "all statuses one after the other are no filter");
    }

    #[test]
    fn the_filter_is_one_that_lists_of_all_flows_support() {
        let tenant = flowruns_testing::fixtures::fresh_tenant();
        for query in
            ["", "status=failed", "status=failed,running&since=24h", "to=2026-01-01T00:00:00Z"]
        {
            let filter = parse(query).unwrap().filter(moment());
            let scope = flowruns_domain::query::RunScope::Tenant(tenant);
            let query = flowruns_domain::query::RunQuery {
                filter,
                ..flowruns_domain::query::RunQuery::new(scope)
            };
            assert!(flowruns_domain::query::check_supported(&query).is_ok());
        }
    }
}
