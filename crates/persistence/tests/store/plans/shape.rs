//! Queries of every form: filters, orders, scopes and positions.

use flowruns_domain::{
    flow::ReadinessStatus,
    query::{
        Comparison, Direction, EnumComparison, Filter, FlowCursor, FlowFilter, FlowOrder,
        FlowPredicate, FlowQuery, FlowSort, MAX_LISTED_VALUES, Operator, PageSize, RunCursor,
        RunFilter, RunOrder, RunPredicate, RunQuery, RunScope, RunSort, SortKey, TextComparison,
        check_supported,
    },
    run::{Outcome, RunStatus},
};

use super::{PAGE, table::big_flow};

const RUN_SORTS: [RunSort; 4] = [RunSort::Start, RunSort::End, RunSort::DisplayName, RunSort::Id];
const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn is<T>(term: T) -> Filter<T> {
    Filter::Predicate(term)
}

fn status(name: &str) -> RunFilter {
    is(RunPredicate::Status(EnumComparison::Eq(RunStatus::from_name(name))))
}

fn start(operator: Operator, text: &str) -> RunFilter {
    is(RunPredicate::Start(Comparison::Compare(operator, Some(text.parse().unwrap()))))
}

fn named(text: &str) -> TextComparison {
    TextComparison::Whole(Comparison::Compare(Operator::Eq, Some(text.to_owned())))
}

fn end(operator: Operator, text: &str) -> RunFilter {
    is(RunPredicate::End(Comparison::Compare(operator, Some(text.parse().unwrap()))))
}

fn name(test: TextComparison) -> RunFilter {
    is(RunPredicate::DisplayName(test))
}

fn not(filter: RunFilter) -> RunFilter {
    Filter::Not(Box::new(filter))
}

fn of_status_and_start() -> Vec<RunFilter> {
    let failed = Some(RunStatus::Ended(Outcome::Failed));
    let within = |statuses| is(RunPredicate::Status(EnumComparison::In(statuses)));
    let day =
        [start(Operator::Ge, "2026-01-08T00:00:00Z"), start(Operator::Lt, "2026-01-09T00:00:00Z")];
    let with_day = |filter| Filter::And([vec![filter], day.to_vec()].concat());
    vec![
        status("running"),
        status("failed"),
        status("completed"),
        status("completedWithErrors"),
        within(vec![failed]),
        within(vec![failed, Some(RunStatus::Running)]),
        not(status("completed")),
        Filter::Or(vec![status("failed"), status("running")]),
        Filter::And(day.to_vec()),
        start(Operator::Eq, "2026-01-07T22:40:00Z"),
        start(Operator::Ne, "2026-01-07T22:40:00Z"),
        with_day(status("failed")),
        with_day(status("completed")),
        with_day(not(status("completed"))),
    ]
}

fn of_the_others() -> Vec<RunFilter> {
    let one = "00000000-0000-7000-8000-000000001000".parse().unwrap();
    let id = |operator| is(RunPredicate::Id(Comparison::Compare(operator, Some(one))));
    let other = Comparison::Compare(Operator::Ne, Some("run 500".to_owned()));
    let starts = name(TextComparison::StartsWith("run 99".to_owned()));
    vec![
        end(Operator::Eq, "2028-01-07T22:40:00Z"),
        end(Operator::Ne, "2028-01-07T22:40:00Z"),
        Filter::And(vec![end(Operator::Gt, "2028-01-09T00:00:00Z"), starts]),
        is(RunPredicate::End(Comparison::Compare(Operator::Eq, None))),
        Filter::And(vec![name(named("run 500")), status("failed")]),
        name(named("run 7")),
        name(named("run 500")),
        name(TextComparison::Whole(other)),
        name(TextComparison::Contains("nothing".to_owned())),
        name(TextComparison::EndsWith("nothing".to_owned())),
        id(Operator::Eq),
        is(RunPredicate::Id(Comparison::In(listed_ids()))),
        Filter::And(vec![is(RunPredicate::Id(Comparison::In(listed_ids()))), status("failed")]),
        id(Operator::Gt),
    ]
}

/// As many ids as a list may have, most of them of no run.
fn listed_ids() -> Vec<Option<uuid::Uuid>> {
    let numbers = (0..MAX_LISTED_VALUES as u128).map(|index| 109_500 + index * 1000);
    let id = |number| uuid::Uuid::from_u128(0x7000_8000_0000_0000_0000 | number);
    numbers.map(|number| Some(id(number))).collect()
}

fn run_filters() -> Vec<Option<RunFilter>> {
    let all = of_status_and_start().into_iter().chain(of_the_others());
    [None].into_iter().chain(all.map(Some)).collect()
}

/// Positions: the beginning of a list, its middle, among many rows of one key, and among null keys.
fn run_positions(sort: RunSort) -> Vec<Option<RunCursor>> {
    let at = |key, run: &str| {
        let run = format!("00000000-0000-7000-8000-{run}").parse().unwrap();
        let flow = big_flow().flow;
        Some(RunCursor { key, run, flow })
    };
    let time = |text: &str| SortKey::Time(Some(text.parse().unwrap()));
    let name = |text: &str| SortKey::Name(text.to_owned());
    // The id of run 110,000.
    let (early, among_many) = ("000000001000", "00000001adb0");
    match sort {
        RunSort::Start => vec![
            None,
            at(time("2026-01-03T10:00:00Z"), early),
            at(time("2026-01-07T22:40:00Z"), among_many),
        ],
        RunSort::End => vec![
            None,
            at(time("2028-01-03T10:00:00Z"), early),
            at(time("2028-01-07T22:40:00Z"), among_many),
            at(SortKey::Time(None), early),
        ],
        RunSort::DisplayName => {
            vec![None, at(name("run 7"), early), at(name("run 500"), among_many)]
        }
        RunSort::Id => vec![None, at(SortKey::Id, early)],
    }
}

/// Both directions of ids, alternating.
fn ties(number: usize, direction: Direction) -> Direction {
    match number % 4 {
        0 | 1 => direction,
        _ => direction.reversed(),
    }
}

/// Within a flow and across flows.
pub(super) fn run_queries() -> Vec<RunQuery> {
    let flow = big_flow();
    let mut queries = Vec::new();
    for scope in [RunScope::Flow(flow), RunScope::Tenant(flow.tenant)] {
        for sort in RUN_SORTS {
            for (filter, after, direction) in combined(run_filters(), &run_positions(sort)) {
                queries.push(RunQuery {
                    filter,
                    order: RunOrder { sort, direction, ties: ties(queries.len(), direction) },
                    size: PageSize::new(PAGE).unwrap(),
                    // What is selected changes no plan but for the columns.
                    details: queries.len() % 2 == 0,
                    after,
                    ..RunQuery::new(scope)
                });
            }
        }
    }
    queries.retain(|query| check_supported(query).is_ok());
    queries
}

pub(super) fn run_orders() -> Vec<RunOrder> {
    let orders = RUN_SORTS.map(|sort| DIRECTIONS.map(|direction| RunOrder::new(sort, direction)));
    let orders = orders.into_iter().flatten();
    let with_ties = orders.map(|order| DIRECTIONS.map(|ties| RunOrder { ties, ..order }));
    with_ties.flatten().collect()
}

/// The first pages of lists in which every row is found, or every row of one status.
pub(super) fn plain_run_queries() -> Vec<RunQuery> {
    let mut queries = run_queries();
    let completed = status("completed");
    queries.retain(|query| {
        let is_status = query.filter.as_ref() == Some(&completed);
        let is_plain = query.filter.is_none() || is_status && query.order.sort == RunSort::Start;
        is_plain && query.after.is_none()
    });
    queries
}

fn flow_filters() -> Vec<Option<FlowFilter>> {
    let name = |test| is(FlowPredicate::DisplayName(test));
    let ready = EnumComparison::Eq(Some(ReadinessStatus::Ready));
    let failed = EnumComparison::Eq(Some(ReadinessStatus::Failed));
    let found = vec![
        is(FlowPredicate::ReadinessStatus(ready)),
        is(FlowPredicate::ReadinessStatus(failed)),
        name(named("Flow 7")),
        name(TextComparison::StartsWith("Flow 9".to_owned())),
        name(TextComparison::Contains("nothing".to_owned())),
        is(FlowPredicate::Id(Comparison::Compare(Operator::Eq, Some(big_flow().flow.uuid())))),
        is(FlowPredicate::Id(Comparison::In(listed_flow_ids()))),
        Filter::And(vec![
            is(FlowPredicate::Id(Comparison::In(listed_flow_ids()))),
            name(TextComparison::StartsWith("Flow 9".to_owned())),
        ]),
    ];
    [None].into_iter().chain(found.into_iter().map(Some)).collect()
}

/// As many ids as a list may have, half of them of flows of another tenant.
fn listed_flow_ids() -> Vec<Option<uuid::Uuid>> {
    let numbers = (0..MAX_LISTED_VALUES as u128).map(|index| 50 + index * 100);
    let id = |number: u128| uuid::Uuid::from_u128((number << 96) | 0x7000_8000_0000_0000_0001);
    numbers.map(|number| Some(id(number))).collect()
}

pub(super) fn flow_queries() -> Vec<FlowQuery> {
    let flow = "00003000-0000-7000-8000-000000000001".parse().unwrap();
    let mut queries = Vec::new();
    for (sort, key) in
        [(FlowSort::Id, SortKey::Id), (FlowSort::DisplayName, SortKey::Name("Flow 7".to_owned()))]
    {
        let positions = vec![None, Some(FlowCursor { key, flow })];
        for (filter, after, direction) in combined(flow_filters(), &positions) {
            queries.push(FlowQuery {
                filter,
                order: FlowOrder { sort, direction, ties: ties(queries.len(), direction) },
                size: PageSize::new(PAGE).unwrap(),
                after,
                ..FlowQuery::new(big_flow().tenant)
            });
        }
    }
    queries
}

/// Counts of few runs of the large flow.
pub(super) fn narrow_run_counts() -> Vec<RunQuery> {
    let filters = of_status_and_start().into_iter().filter(|filter| {
        let statuses = filter.possible_statuses();
        !statuses.contains(&RunStatus::Ended(Outcome::Completed))
    });
    let queries = filters.flat_map(|filter| {
        [RunSort::Start, RunSort::DisplayName].map(|sort| RunQuery {
            filter: Some(filter.clone()),
            order: RunOrder::new(sort, Direction::Ascending),
            ..RunQuery::new(RunScope::Flow(big_flow()))
        })
    });
    queries.collect()
}

/// Counts of few flows.
pub(super) fn narrow_flow_counts() -> Vec<FlowQuery> {
    let mut queries = flow_queries();
    queries.retain(|query| {
        let terms = query.filter.iter().flat_map(FlowFilter::required);
        terms.into_iter().any(|term| match term {
            FlowPredicate::Id(_) | FlowPredicate::DisplayName(TextComparison::Whole(_)) => true,
            FlowPredicate::DisplayName(_) | FlowPredicate::ReadinessStatus(_) => false,
        })
    });
    queries
}

fn combined<F: Clone, P: Clone>(filters: Vec<F>, positions: &[P]) -> Vec<(F, P, Direction)> {
    let mut all = Vec::new();
    for filter in filters {
        for position in positions {
            all.extend(DIRECTIONS.map(|direction| (filter.clone(), position.clone(), direction)));
        }
    }
    all
}
