//! Queries of runs with every filter, order and page size.

use std::sync::Arc;

use flowruns_domain::{
    id::RunId,
    query::{
        Comparison, Count, CountLimit, Direction, EnumComparison, Filter, ListedRun, RunOrder,
        RunPredicate, RunQuery, RunScope, RunSort,
    },
    run::{NewRun, Outcome, RunStatus},
    store::Store,
};

use super::{
    filters::{filters, is},
    fixture::{Fixture, page_size},
};
use crate::fixtures::{name, new_run, object, time};

pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];
const SORTS: [RunSort; 4] = [RunSort::Start, RunSort::End, RunSort::DisplayName, RunSort::Id];
pub(super) const NAMES: [&str; 6] = ["a", "ab", "b", "B", "\u{e4}", "a'%_"];

fn start(number: u64) -> String {
    format!("2026-03-01T08:0{}:00Z", number % 3)
}

/// Few different starts, ends, names and statuses, so that there are many ties.
fn varied(number: u64) -> NewRun {
    let outcome = match number % 4 {
        0 => None,
        1 => Some(Outcome::Completed),
        2 => Some(Outcome::Failed),
        _ => Some(Outcome::CompletedWithErrors),
    };
    NewRun {
        display_name: name(NAMES[number as usize % NAMES.len()]),
        start: Some(time(&start(number))),
        end: outcome.map(|_| time(&format!("2026-03-01T09:0{}:00Z", number % 5))),
        status: outcome.map_or(RunStatus::Running, RunStatus::Ended),
        statistics: object(&format!(r#"{{"number":{number}}}"#)),
        ..new_run()
    }
}

async fn filled(store: Arc<dyn Store>) -> Fixture {
    let fixture = Fixture::new(store).await;
    for number in 1..=30 {
        fixture.create(number, &varied(number)).await;
    }
    fixture
}

/// The rows of all pages.
async fn walk(fixture: &Fixture, query: &RunQuery) -> Vec<ListedRun> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let found = fixture.store.query_runs(&query).await;
        let found = found.expect("runs can be queried");
        let found = found.expect("the flow exists");
        assert!(found.items.len() <= query.size.rows());
        rows.extend(found.items);
        let Some(next) = found.next else {
            return rows;
        };
        (query.after, query.skip) = (Some(next.after), next.skip);
    }
}

/// Each property in both directions, with ids in both directions.
fn orders() -> Vec<RunOrder> {
    let directions = SORTS.map(|sort| DIRECTIONS.map(|direction| RunOrder::new(sort, direction)));
    let orders = directions.into_iter().flatten();
    let with_ties = orders.map(|order| DIRECTIONS.map(|ties| RunOrder { ties, ..order }));
    with_ties.flatten().collect()
}

fn in_order(order: RunOrder, mut rows: Vec<ListedRun>) -> Vec<ListedRun> {
    rows.sort_by(|one, other| {
        order.compare(&order.cursor(&one.summary), &order.cursor(&other.summary))
    });
    rows
}

/// A count reads no more rows than its limit, and reports that there are more.
pub async fn a_count_beyond_its_limit_is_unknown(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    let query = RunQuery::new(RunScope::Flow(fixture.flow));
    for (limit, expected) in [(30, Count::Exactly(30)), (29, Count::Unknown), (1, Count::Unknown)] {
        let limit = CountLimit::new(limit).expect("a limit of at least one row");
        let counted = fixture.store.count_runs(&query, limit).await;
        assert_eq!(counted.expect("runs can be counted"), Some(expected));
    }
}

/// Each filter gives the rows that match it in memory, in order.
pub async fn every_filter_gives_the_runs_that_it_matches(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(fixture.flow));
    let all = walk(&fixture, &query).await;
    assert_eq!(all.len(), 30);
    for filter in filters() {
        let matching = all.iter().filter(|row| filter.matches(&row.summary));
        let matching: Vec<ListedRun> = matching.cloned().collect();
        query.filter = Some(filter);
        for sort in SORTS {
            query.order.sort = sort;
            let expected = in_order(query.order, matching.clone());
            let context = format!("{query:?}");
            assert_eq!(walk(&fixture, &query).await, expected, "{context}");
        }
        let counted = fixture.store.count_runs(&query, CountLimit::default()).await;
        let expected = Some(Count::Exactly(matching.len() as u64));
        assert_eq!(counted.expect("runs can be counted"), expected, "{query:?}");
    }
}

/// Pages of every size, in every order, give the whole list.
pub async fn every_order_can_be_read_in_pages_of_every_size(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(fixture.flow));
    let all = walk(&fixture, &query).await;
    let failed = Some(RunStatus::Ended(Outcome::Failed));
    let not_failed = is(RunPredicate::Status(EnumComparison::Ne(failed)));
    for filter in [None, Some(not_failed)] {
        let matches = |row: &&ListedRun| {
            let filter = filter.as_ref();
            filter.is_none_or(|filter| filter.matches(&row.summary))
        };
        let matching: Vec<ListedRun> = all.iter().filter(matches).cloned().collect();
        query.filter = filter;
        for order in orders() {
            query.order = order;
            let expected = in_order(query.order, matching.clone());
            for (rows, skip) in [(1, 0), (2, 5), (3, 0), (7, 29), (29, 1), (30, 0), (31, 31)] {
                (query.size, query.skip) = (page_size(rows), skip);
                let rest = expected.get(skip..).unwrap_or_default();
                assert_eq!(walk(&fixture, &query).await, rest, "{query:?}");
            }
        }
    }
}

/// A page of no rows is empty and the last one.
pub async fn a_queried_page_of_no_rows_is_empty(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(fixture.flow));
    query.size = page_size(0);
    assert_eq!(walk(&fixture, &query).await, []);
}

/// blockingError and statistics are read only when requested.
pub async fn details_are_read_only_when_requested(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(fixture.flow));
    let bare = walk(&fixture, &query).await;
    assert!(bare.iter().all(|row| row.details.is_none()));
    query.details = true;
    for row in walk(&fixture, &query).await {
        let run = fixture.find(row.summary.key).await.expect("the run exists");
        let details = row.details.expect("details were asked for");
        assert_eq!(details.statistics, run.properties.statistics);
        assert_eq!(details.blocking_error, run.properties.blocking_error);
    }
}

/// A query of a tenant finds the runs of all its flows and of no other tenant; deleted runs are in no list.
pub async fn runs_are_queried_across_the_flows_of_a_tenant(store: Arc<dyn Store>) {
    let one = filled(Arc::clone(&store)).await;
    let other = one.other_flow().await;
    // One id in two flows is two runs.
    for number in 25..=35 {
        other.create(number, &varied(number)).await;
    }
    other.delete(other.key(26)).await;
    let stranger = filled(store).await;
    let of_flow = |fixture: &Fixture| RunQuery::new(RunScope::Flow(fixture.flow));
    let mut all = walk(&one, &of_flow(&one)).await;
    all.extend(walk(&other, &of_flow(&other)).await);
    assert_eq!(all.len(), 40);
    let mut query = RunQuery::new(RunScope::Tenant(one.flow.tenant));
    let failed = RunStatus::Ended(Outcome::Failed);
    let is_failed = is(RunPredicate::Status(EnumComparison::Eq(Some(failed))));
    let ids = |numbers: &[u64]| {
        let ids = numbers.iter().map(|number| Some(crate::ids::numbered(*number)));
        is(RunPredicate::Id(Comparison::In(ids.collect())))
    };
    let by_id = ids(&[26, 27, 35, 3, 3, 99]);
    let filters = [None, Some(is_failed.clone()), Some(by_id), Some(ids(&[]))];
    let both = Filter::And(vec![ids(&[27, 3, 30]), is_failed]);
    let filters = filters.into_iter().chain([Some(both)]);
    for (filter, order) in filters.flat_map(|filter| {
        let newest = orders().into_iter().filter(|order| order.sort == RunSort::Start);
        newest.map(move |order| (filter.clone(), order))
    }) {
        query.order = order;
        let matches = |row: &&ListedRun| filter.as_ref().is_none_or(|f| f.matches(&row.summary));
        let expected = in_order(query.order, all.iter().filter(matches).cloned().collect());
        query.filter = filter;
        let counted = stranger.store.count_runs(&query, CountLimit::default());
        let number = Count::Exactly(expected.len() as u64);
        let counted = counted.await.expect("runs can be counted");
        assert_eq!(counted, Some(number), "{query:?}");
        for rows in [1, 4, 1000] {
            query.size = page_size(rows);
            assert_eq!(walk(&stranger, &query).await, expected, "{query:?}");
        }
    }
}

/// A flow of another tenant, or none, has no list and no count.
pub async fn a_query_of_an_absent_flow_is_none(store: Arc<dyn Store>) {
    let (one, other) = (filled(Arc::clone(&store)).await, filled(store).await);
    let mut flow = one.flow;
    flow.tenant = other.flow.tenant;
    let query = RunQuery::new(RunScope::Flow(flow));
    let found = one.store.query_runs(&query).await;
    assert_eq!(found.expect("runs can be queried"), None);
    let counted = one.store.count_runs(&query, CountLimit::default()).await;
    assert_eq!(counted.expect("runs can be counted"), None);
}

/// Rows that are created, deleted or moved make no page skip or repeat another row.
pub async fn queried_pages_skip_no_run_while_others_are_created_and_deleted(store: Arc<dyn Store>) {
    let fixture = filled(store).await;
    for (step, order) in orders().into_iter().enumerate() {
        let mut query = RunQuery::new(RunScope::Flow(fixture.flow));
        query.order = order;
        query.size = page_size(4);
        let standing: Vec<ListedRun> = walk(&fixture, &query).await;
        let mut seen = Vec::new();
        let first = 100 * (1 + step as u64);
        let mut number = first;
        loop {
            let found = fixture.store.query_runs(&query).await;
            let found = found.expect("runs can be queried").expect("it exists");
            seen.extend(found.items);
            fixture.create(number, &varied(number)).await;
            if number % 2 == 1 {
                fixture.delete(fixture.key(number - 1)).await;
            }
            number += 1;
            let Some(next) = found.next else { break };
            query.after = Some(next.after);
        }
        let old: Vec<RunId> = standing.iter().map(|row| row.summary.id()).collect();
        let seen_ids = seen.iter().map(|row| row.summary.id());
        let seen_old: Vec<RunId> = seen_ids.filter(|id| old.contains(id)).collect();
        assert_eq!(seen_old, old, "{order:?}");
        for number in first..number {
            fixture.delete(fixture.key(number)).await;
        }
    }
}

/// A page with documents ends before the run that would exceed its byte limit, has at least one run, and the next page
/// continues after it.
pub async fn a_page_with_details_stays_within_its_bytes(store: Arc<dyn Store>) {
    const LIMIT: u32 = 20_000;
    let fixture = Fixture::new(store).await;
    for number in 1..=45 {
        let length = [10, 10, 2_000, 60_000][number as usize % 4];
        let text = format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(length));
        let new = NewRun { statistics: object(&text), ..varied(number) };
        fixture.create(number, &new).await;
    }
    for sort in SORTS {
        for (direction, skip) in DIRECTIONS.into_iter().zip([0, 3]) {
            let query = RunQuery {
                order: RunOrder::new(sort, direction),
                size: page_size(100).within(LIMIT),
                skip,
                details: true,
                ..RunQuery::new(RunScope::Flow(fixture.flow))
            };
            assert_pages_are_bounded(&fixture, query, LIMIT as usize).await;
        }
    }
}

async fn assert_pages_are_bounded(fixture: &Fixture, mut query: RunQuery, limit: usize) {
    let whole = RunQuery { size: page_size(1000), details: false, ..query.clone() };
    let expected = walk(fixture, &whole).await;
    let (mut rows, mut pages) = (Vec::new(), 0);
    loop {
        let found = fixture.store.query_runs(&query).await;
        let found = found.expect("runs can be queried").expect("it exists");
        let bytes: usize = found.items.iter().map(ListedRun::bytes).sum();
        assert!(bytes <= limit || found.items.len() == 1, "{bytes}");
        assert!(found.items.iter().all(|run| run.details.is_some()));
        rows.extend(found.items);
        pages += 1;
        let Some(next) = found.next else {
            break;
        };
        (query.after, query.skip) = (Some(next.after), next.skip);
    }
    let keys = |rows: &[ListedRun]| -> Vec<_> { rows.iter().map(|run| run.summary.key).collect() };
    assert_eq!(keys(&rows), keys(&expected));
    assert!((12..42).contains(&pages), "{pages}");
}
