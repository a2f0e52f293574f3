//! The address of the page of a flow.

use std::fmt;

use flowruns_domain::{
    id::{FlowId, FlowKey},
    query::{
        Comparison, EnumComparison, Filter, Operator, RunCursor, RunFilter, RunPredicate, RunQuery,
        RunScope, TextComparison,
    },
    run::RunStatus,
    timestamp::Timestamp,
};

use super::{
    BadAddress, Parameters, Query, Statuses,
    flow_order::{FlowRunPosition, RunsOrder, name},
    member::Members,
    window,
};
use crate::links::flow_path;

/// How many of the newest runs the charts show.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum ChartedRuns {
    Fifty,
    #[default]
    Hundred,
    TwoHundred,
}

impl ChartedRuns {
    pub(crate) const ALL: [Self; 3] = [Self::Fifty, Self::Hundred, Self::TwoHundred];

    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Fifty => 50,
            Self::Hundred => 100,
            Self::TwoHundred => 200,
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|runs| runs.number().to_string() == text);
        known.ok_or_else(|| "It must be 50, 100 or 200.".to_owned())
    }
}

/// The address of the page of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FlowAddress {
    pub(crate) flow: FlowId,
    /// The statuses of the listed runs.
    pub(crate) statuses: Statuses,
    /// The earliest start of the listed runs.
    pub(crate) from: Option<Timestamp>,
    /// The time before which the listed runs started.
    pub(crate) to: Option<Timestamp>,
    /// The beginning of the names of the listed runs.
    pub(crate) name: Option<String>,
    pub(crate) order: RunsOrder,
    pub(crate) last: ChartedRuns,
    /// The members of statistics with a chart; none for those that occur most.
    pub(crate) charts: Members,
    pub(crate) after: Option<FlowRunPosition>,
}

impl FlowAddress {
    /// How many runs are listed on a page.
    pub(crate) const PAGE: u16 = 25;

    /// The page without parameters.
    pub(crate) fn new(flow: FlowId) -> Self {
        Self {
            flow,
            statuses: Statuses::default(),
            from: None,
            to: None,
            name: None,
            order: RunsOrder::default(),
            last: ChartedRuns::default(),
            charts: Members::default(),
            after: None,
        }
    }

    /// Reads the query of an address.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn parse(flow: FlowId, query: Option<&str>) -> Result<Self, BadAddress> {
        let mut parameters = Parameters::of(query);
        let order = parameters.take("order", RunsOrder::from_text).unwrap_or_default();
        let address = Self {
            flow,
            statuses: parameters.take("status", Statuses::from_text).unwrap_or_default(),
            from: parameters.take("from", window::from_time),
            to: parameters.take("to", window::to_time),
            name: parameters.take("name", name),
            order,
            last: parameters.take("last", ChartedRuns::from_text).unwrap_or_default(),
            charts: parameters.take("chart", Members::from_text).unwrap_or_default(),
            after: parameters.take("after", |text| FlowRunPosition::from_text(text, order)),
        };
        parameters.finish(&flow_path(flow))?;
        Ok(address)
    }

    /// The address of the JSON of the page.
    pub(crate) fn json(&self) -> Query {
        self.below(format!("{}.json", flow_path(self.flow)))
    }

    /// The page below another path.
    fn below(&self, path: String) -> Query {
        let Self { flow: _, statuses, from, to, name, order, last, charts, after } = self;
        let order = (*order != RunsOrder::default()).then(|| order.name());
        let last = (*last != ChartedRuns::default()).then(|| last.number());
        Query::new(path)
            .with("status", (!statuses.is_all()).then_some(statuses))
            .with("from", from.as_ref())
            .with("to", to.as_ref())
            .with("name", name.as_ref())
            .with("order", order)
            .with("last", last)
            .with("chart", (!charts.is_empty()).then_some(charts))
            .with("after", after.as_ref())
    }

    /// Whether the list is the newest runs of the flow.
    pub(crate) fn lists_newest(&self) -> bool {
        self.order == RunsOrder::Newest && self.after.is_none() && !self.has_filter()
    }

    /// Whether runs are left out of the list.
    pub(crate) fn has_filter(&self) -> bool {
        !self.statuses.is_all() || self.from.is_some() || self.to.is_some() || self.name.is_some()
    }

    /// The query for the listed runs.
    pub(crate) fn query(&self, flow: FlowKey) -> RunQuery {
        let cursor = |position: &FlowRunPosition| RunCursor {
            key: position.key.clone(),
            run: position.run,
            flow: flow.flow,
        };
        RunQuery {
            filter: self.filter(),
            order: self.order.run_order(),
            after: self.after.as_ref().map(cursor),
            ..RunQuery::new(RunScope::Flow(flow))
        }
    }

    fn filter(&self) -> Option<RunFilter> {
        let start = |operator, time| RunPredicate::Start(Comparison::Compare(operator, Some(time)));
        let statuses: Vec<Option<RunStatus>> = self.statuses.iter().map(Some).collect();
        let name = self.name.clone().map(TextComparison::StartsWith);
        let mut terms = Vec::new();
        if !statuses.is_empty() {
            terms.push(RunPredicate::Status(EnumComparison::In(statuses)));
        }
        terms.extend(self.from.map(|from| start(Operator::Ge, from)));
        terms.extend(self.to.map(|to| start(Operator::Lt, to)));
        terms.extend(name.map(RunPredicate::DisplayName));
        let terms: Vec<RunFilter> = terms.into_iter().map(Filter::Predicate).collect();
        (!terms.is_empty()).then_some(Filter::And(terms))
    }

    /// The first page with these statuses.
    pub(crate) fn with_statuses(&self, statuses: Statuses) -> Self {
        Self { statuses, after: None, ..self.clone() }
    }

    /// The first page in this order.
    pub(crate) fn with_order(&self, order: RunsOrder) -> Self {
        Self { order, after: None, ..self.clone() }
    }

    /// The same page with charts of this many runs.
    pub(crate) fn with_last(&self, last: ChartedRuns) -> Self {
        Self { last, ..self.clone() }
    }

    /// The same page with charts of these members.
    pub(crate) fn with_charts(&self, charts: Members) -> Self {
        Self { charts, ..self.clone() }
    }

    /// The page after a position; `None` for the first one.
    pub(crate) fn with_after(&self, after: Option<FlowRunPosition>) -> Self {
        Self { after, ..self.clone() }
    }

    /// The page with the same charts, of all runs.
    pub(crate) fn without_filter(&self) -> Self {
        Self { last: self.last, charts: self.charts.clone(), ..Self::new(self.flow) }
    }
}

impl fmt::Display for FlowAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below(flow_path(self.flow)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::{dashboard::MemberPath, id::RunId, query::SortKey};
    use flowruns_testing::fixtures::{fresh_uuid, moment, time};
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    fn times() -> impl Strategy<Value = Timestamp> {
        select(vec![moment(), time("2026-11-27T02:00:03.118042Z"), time("0001-01-01T00:00:00Z")])
    }

    fn text() -> impl Strategy<Value = String> {
        "[\\PC]{1,40}"
    }

    fn position(order: RunsOrder) -> impl Strategy<Value = FlowRunPosition> {
        let key = match order {
            RunsOrder::Name => text().prop_map(SortKey::Name).boxed(),
            RunsOrder::Ended => option::of(times()).prop_map(SortKey::Time).boxed(),
            RunsOrder::Newest | RunsOrder::Oldest => {
                times().prop_map(|time| SortKey::Time(Some(time))).boxed()
            }
        };
        key.prop_map(|key| FlowRunPosition { key, run: RunId::new(fresh_uuid()).unwrap() })
    }

    fn addresses() -> impl Strategy<Value = FlowAddress> {
        let statuses = prop::sample::subsequence(RunStatus::ALL.to_vec(), 0..5);
        let names = prop::collection::vec(prop::collection::vec(".{1,12}", 1..3), 0..=3);
        let order = select(RunsOrder::ALL.to_vec());
        let order = order.prop_flat_map(|order| (Just(order), option::of(position(order))));
        let last = select(ChartedRuns::ALL.to_vec());
        let filter = (statuses, option::of(times()), option::of(times()), option::of(text()));
        (filter, order, last, names).prop_map(
            |((statuses, from, to, name), (order, after), last, charts)| {
                let charts = charts.into_iter().filter_map(|names| MemberPath::new(names).ok());
                FlowAddress {
                    flow: FlowId::new(fresh_uuid()).unwrap(),
                    statuses: Statuses::new(statuses),
                    from,
                    to,
                    name,
                    order,
                    last,
                    charts: Members::of(charts),
                    after,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn an_address_is_read_as_it_was_written(address in addresses()) {
            let text = address.to_string();
            let query = text.split_once('?').map(|(_, query)| query);
            prop_assert_eq!(FlowAddress::parse(address.flow, query), Ok(address));
        }
    }

    #[test]
    fn what_a_form_sends_is_read() {
        let flow = FlowId::new(fresh_uuid()).unwrap();
        let sent =
            "status=failed,running&from=2026-11-26T19%3A42&to=&name=&order=newest&last=100&chart=";
        let address = FlowAddress::parse(flow, Some(sent)).unwrap();
        assert_eq!(
            address.to_string(),
            format!("/ui/flows/{flow}?status=running,failed&from=2026-11-26T19:42:00Z")
        );
    }

    #[test]
    fn malformed_parameters_are_named() {
        let flow = FlowId::new(fresh_uuid()).unwrap();
        for query in [
            "status=succeeded",
            "status=Failed",
            "from=yesterday",
            "order=longest",
            "last=75",
            "last=0100",
            "chart=a,b,c,d",
            "chart=~9",
            "after=x",
            "order=name&after=x",
            "name=a%00b",
            "page=2",
        ] {
            let bad = FlowAddress::parse(flow, Some(query)).unwrap_err();
            assert_eq!(bad.faults.len(), 1, "{query}");
        }
    }
}
