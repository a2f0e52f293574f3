//! Queries of every form: filters, orders, scopes and positions.

use crate::DashboardQuery;
use flowruns_domain::{
    dashboard::{
        EarlierRuns, EventCount, FlowIds, Last, LastEvents, MemberPaths, RunKeys, RunWindow,
        RunsPerFlow, TallyRequest,
    },
    flow::ReadinessStatus,
    query::{
        Comparison, Direction, EnumComparison, Filter, FlowCursor, FlowFilter, FlowOrder,
        FlowPredicate, FlowQuery, FlowSort, Operator, PageSize, RunCursor, RunFilter, RunOrder,
        RunPredicate, RunQuery, RunScope, RunSort, SortKey, TextComparison,
    },
    run::RunStatus,
    version::Version,
};
use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, fresh_uuid, moment};

/// Each kind of term with each operator, a list and null.
fn tests<V: Clone>(value: V) -> Vec<Comparison<V>> {
    let compare = |operator| {
        let value = Some(value.clone());
        [Comparison::Compare(operator, value), Comparison::Compare(operator, None)]
    };
    let lists = [vec![], vec![Some(value.clone())], vec![Some(value.clone()), None]];
    let compared = Operator::ALL.into_iter().flat_map(compare);
    compared.chain(lists.map(Comparison::In)).collect()
}

fn enum_tests<V: Clone>(value: V) -> Vec<EnumComparison<V>> {
    let value = || Some(value.clone());
    vec![
        EnumComparison::Eq(value()),
        EnumComparison::Eq(None),
        EnumComparison::Ne(value()),
        EnumComparison::Ne(None),
        EnumComparison::In(vec![]),
        EnumComparison::In(vec![value()]),
        EnumComparison::In(vec![value(), None]),
    ]
}

fn text_tests() -> Vec<TextComparison> {
    let text = || "a%".to_owned();
    let others = [
        TextComparison::StartsWith(text()),
        TextComparison::EndsWith(text()),
        TextComparison::Contains(text()),
    ];
    let plain = tests(text()).into_iter().map(TextComparison::Whole);
    plain.chain(others).collect()
}

/// Each term alone, negated, and in a conjunction and a disjunction.
fn filters<T: Clone>(terms: Vec<T>) -> Vec<Option<Filter<T>>> {
    let nested = Filter::And(terms.iter().cloned().map(Filter::Predicate).collect());
    let either = Filter::Or(terms.iter().cloned().map(Filter::Predicate).collect());
    let single = terms.into_iter().map(Filter::Predicate);
    let all = single.chain([Filter::Not(Box::new(either)), nested]);
    [None].into_iter().chain(all.map(Some)).collect()
}

fn run_filters() -> Vec<Option<RunFilter>> {
    let mut terms: Vec<RunPredicate> =
        tests(fresh_uuid()).into_iter().map(RunPredicate::Id).collect();
    terms.extend(text_tests().into_iter().map(RunPredicate::DisplayName));
    terms.extend(tests(moment()).into_iter().map(RunPredicate::Start));
    terms.extend(tests(moment()).into_iter().map(RunPredicate::End));
    terms.extend(enum_tests(RunStatus::Running).into_iter().map(RunPredicate::Status));
    filters(terms)
}

fn flow_filters() -> Vec<Option<FlowFilter>> {
    let mut terms: Vec<FlowPredicate> =
        tests(fresh_uuid()).into_iter().map(FlowPredicate::Id).collect();
    terms.extend(text_tests().into_iter().map(FlowPredicate::DisplayName));
    let statuses = enum_tests(ReadinessStatus::Ready).into_iter();
    terms.extend(statuses.map(FlowPredicate::ReadinessStatus));
    filters(terms)
}

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Directions of the key and of its ties.
fn directions() -> impl Iterator<Item = (Direction, Direction)> {
    let with_ties = |direction| DIRECTIONS.map(|ties| (direction, ties));
    DIRECTIONS.into_iter().flat_map(with_ties)
}

/// Every order from every kind of position without a filter, and every filter in every order.
pub(super) fn runs() -> Vec<RunQuery> {
    let flow = fresh_flow(fresh_tenant()).key;
    let run = fresh_uuid().to_string().parse().unwrap();
    let cursor = |key| RunCursor { key, run, flow: flow.flow };
    let time = || vec![SortKey::Time(Some(moment())), SortKey::Time(None)];
    let mut queries = Vec::new();
    for scope in [RunScope::Flow(flow), RunScope::Tenant(flow.tenant)] {
        for (sort, keys) in [
            (RunSort::Start, time()),
            (RunSort::End, time()),
            (RunSort::DisplayName, vec![SortKey::Name("a".to_owned())]),
            (RunSort::Id, vec![SortKey::Id]),
        ] {
            for (direction, ties) in directions() {
                let order = RunOrder { sort, direction, ties };
                let after = keys.iter().cloned().map(|key| Some(cursor(key)));
                queries.extend(after.chain([None]).map(|after| RunQuery {
                    after,
                    order,
                    ..RunQuery::new(scope)
                }));
            }
            queries.extend(run_filters().into_iter().map(|filter| RunQuery {
                filter,
                order: RunOrder::new(sort, Direction::Ascending),
                ..RunQuery::new(scope)
            }));
        }
    }
    queries
}

pub(super) fn flows() -> Vec<FlowQuery> {
    let flow = fresh_flow(fresh_tenant()).key;
    let mut queries = Vec::new();
    for (sort, key) in
        [(FlowSort::Id, SortKey::Id), (FlowSort::DisplayName, SortKey::Name("a".to_owned()))]
    {
        for (direction, ties) in directions() {
            let order = FlowOrder { sort, direction, ties };
            let cursor = FlowCursor { key: key.clone(), flow: flow.flow };
            queries.extend([Some(cursor), None].map(|after| FlowQuery {
                after,
                order,
                ..FlowQuery::new(flow.tenant)
            }));
            queries.extend(flow_filters().into_iter().map(|filter| FlowQuery {
                filter,
                order,
                ..FlowQuery::new(flow.tenant)
            }));
        }
    }
    queries
}

/// Every query of the dashboard, with its optional arguments and without.
pub(super) fn of_dashboard() -> Vec<DashboardQuery> {
    let flow = fresh_flow(fresh_tenant()).key;
    let run = flow.run(fresh_uuid().to_string().parse().unwrap());
    let paths = |texts: &[&str]| MemberPaths::new(texts.iter().map(|text| text.parse().unwrap()));
    let last = LastEvents::new(EventCount::MAX);
    let earlier = EarlierRuns { runs: RunsPerFlow::MAX, details: PageSize::default() };
    let later = "2100-01-01T00:00:00Z".parse().unwrap();
    let window = RunWindow::new([flow.flow], (moment(), later)).unwrap();
    let mut queries = vec![
        DashboardQuery::RecentRuns(flow.tenant, FlowIds::default(), RunsPerFlow::MAX),
        DashboardQuery::RecentRuns(
            flow.tenant,
            FlowIds::new([flow.flow]).unwrap(),
            RunsPerFlow::MAX,
        ),
        DashboardQuery::MemberSeries(flow, paths(&[]).unwrap(), Last::MAX),
        DashboardQuery::MemberSeries(flow, paths(&["a"]).unwrap(), Last::MAX),
        DashboardQuery::MemberSeries(flow, paths(&["a/b/c", "", "'", "d"]).unwrap(), Last::MAX),
        DashboardQuery::ErrorLines(RunKeys::new([run]).unwrap()),
        DashboardQuery::LastEvents(run, last),
        DashboardQuery::LastEvents(run, LastEvents { before: Some(Version::FIRST), ..last }),
        DashboardQuery::Neighbours(flow, Some(run.run), earlier),
        DashboardQuery::Neighbours(flow, None, earlier),
        DashboardQuery::Window(flow.tenant, window),
    ];
    let requests = RunStatus::ALL
        .into_iter()
        .flat_map(|status| [None, Some(moment())].map(|since| TallyRequest { status, since }));
    queries.push(DashboardQuery::Tallies(flow.tenant, requests.collect()));
    queries
}
