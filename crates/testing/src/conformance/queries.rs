//! Queries of runs and flows: whatever the filter, the order and the page size.

use std::sync::Arc;

use flowruns_domain::{
    Condition, Count, CountLimit, Direction, EnumTest, ListedRun, NewRun, Operator, Outcome,
    RunFilter, RunId, RunOrder, RunQuery, RunScope, RunSort, RunStatus, RunTerm, Store, Test,
    TextTest,
};

use super::scene::{Scene, page_size};
use crate::fixtures::{name, new_run, object, time};

pub(super) const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];
const SORTS: [RunSort; 4] = [
    RunSort::Start,
    RunSort::End,
    RunSort::DisplayName,
    RunSort::Id,
];
pub(super) const NAMES: [&str; 6] = ["a", "ab", "b", "B", "\u{e4}", "a'%_"];

fn start(number: u64) -> String {
    format!("2026-03-01T08:0{}:00Z", number % 3)
}

/// Few starts, ends, names and statuses, so that there are many ties.
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

async fn filled(store: Arc<dyn Store>) -> Scene {
    let scene = Scene::new(store).await;
    for number in 1..=30 {
        scene.create(number, &varied(number)).await;
    }
    scene
}

/// The rows of all pages.
async fn walk(scene: &Scene, query: &RunQuery) -> Vec<ListedRun> {
    let mut query = query.clone();
    let mut rows = Vec::new();
    loop {
        let found = scene.store.query_runs(&query).await;
        let found = found.expect("runs can be queried");
        let found = found.expect("the flow is there");
        assert!(found.items.len() <= query.size.rows());
        rows.extend(found.items);
        let Some(next) = found.next else {
            return rows;
        };
        (query.after, query.skip) = (Some(next.after), next.skip);
    }
}

/// Each property, both ways, with ids in both directions.
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

fn is(term: RunTerm) -> RunFilter {
    Condition::Is(term)
}

fn not(filter: RunFilter) -> RunFilter {
    Condition::Not(Box::new(filter))
}

/// Each operator on each property, null, and how they combine.
fn filters() -> Vec<RunFilter> {
    let failed = RunStatus::Ended(Outcome::Failed);
    let status = |status| is(RunTerm::Status(EnumTest::Eq(Some(status))));
    let mut filters = Vec::new();
    for operator in Operator::ALL {
        let at = |text: &str| Test::Compare(operator, Some(time(text)));
        filters.extend([
            is(RunTerm::Start(at("2026-03-01T08:01:00Z"))),
            is(RunTerm::End(at("2026-03-01T09:02:00Z"))),
            is(RunTerm::End(Test::Compare(operator, None))),
            is(RunTerm::Start(Test::Compare(operator, None))),
            is(RunTerm::Id(Test::Compare(
                operator,
                Some(crate::ids::numbered(7)),
            ))),
        ]);
        let text = Test::Compare(operator, Some("ab".to_owned()));
        filters.push(is(RunTerm::DisplayName(TextTest::Plain(text))));
    }
    let inverted: Vec<RunFilter> = filters.iter().cloned().map(not).collect();
    filters.extend(inverted);
    filters.extend(
        ["a", "A", "\u{e4}", "%", "'", "_", "", "b"]
            .into_iter()
            .flat_map(|part| {
                let part = part.to_owned();
                [
                    is(RunTerm::DisplayName(TextTest::StartsWith(part.clone()))),
                    is(RunTerm::DisplayName(TextTest::EndsWith(part.clone()))),
                    is(RunTerm::DisplayName(TextTest::Contains(part))),
                ]
            }),
    );
    let some = EnumTest::In(vec![Some(RunStatus::Running), Some(failed)]);
    filters.extend([
        status(failed),
        not(status(failed)),
        is(RunTerm::Status(EnumTest::Ne(Some(failed)))),
        is(RunTerm::Status(some.clone())),
        is(RunTerm::Status(EnumTest::In(vec![Some(failed)]))),
        is(RunTerm::Status(EnumTest::In(Vec::new()))),
        // The status is never null.
        is(RunTerm::Status(EnumTest::Eq(None))),
        is(RunTerm::Status(EnumTest::Ne(None))),
        is(RunTerm::Id(Test::In(vec![
            Some(crate::ids::numbered(9)),
            Some(crate::ids::numbered(4)),
            Some(crate::ids::numbered(9)),
            None,
        ]))),
        Condition::And(vec![
            is(RunTerm::Id(Test::In(vec![
                Some(crate::ids::numbered(9)),
                Some(crate::ids::numbered(6)),
            ]))),
            status(failed),
        ]),
        is(RunTerm::End(Test::In(vec![
            None,
            Some(time("2026-03-01T09:02:00Z")),
        ]))),
        Condition::Or(vec![status(failed), not(is(RunTerm::Status(some)))]),
        Condition::And(vec![
            status(failed),
            is(RunTerm::Start(Test::Compare(
                Operator::Ge,
                Some(time("2026-03-01T08:01:00Z")),
            ))),
            is(RunTerm::DisplayName(TextTest::StartsWith("a".to_owned()))),
        ]),
        Condition::And(vec![status(failed), status(RunStatus::Running)]),
    ]);
    filters
}

/// A count looks at no more rows than its limit, and says so.
pub async fn a_count_beyond_its_limit_is_unknown(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    let query = RunQuery::new(RunScope::Flow(scene.flow));
    for (limit, expected) in [
        (30, Count::Exactly(30)),
        (29, Count::Unknown),
        (1, Count::Unknown),
    ] {
        let limit = CountLimit::new(limit).expect("a limit of at least one row");
        let counted = scene.store.count_runs(&query, limit).await;
        assert_eq!(counted.expect("runs can be counted"), Some(expected));
    }
}

/// Each filter gives the rows that it matches in memory, in order.
pub async fn every_filter_gives_the_runs_that_it_matches(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(scene.flow));
    let all = walk(&scene, &query).await;
    assert_eq!(all.len(), 30);
    for filter in filters() {
        let matching = all.iter().filter(|row| filter.matches(&row.summary));
        let matching: Vec<ListedRun> = matching.cloned().collect();
        query.filter = Some(filter);
        for sort in SORTS {
            query.order.sort = sort;
            let expected = in_order(query.order, matching.clone());
            let context = format!("{query:?}");
            assert_eq!(walk(&scene, &query).await, expected, "{context}");
        }
        let counted = scene.store.count_runs(&query, CountLimit::default()).await;
        let expected = Some(Count::Exactly(matching.len() as u64));
        assert_eq!(counted.expect("runs can be counted"), expected, "{query:?}");
    }
}

/// Pages of every size, in every order, give the whole list.
pub async fn every_order_is_walked_in_pages_of_every_size(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(scene.flow));
    let all = walk(&scene, &query).await;
    let failed = Some(RunStatus::Ended(Outcome::Failed));
    let not_failed = is(RunTerm::Status(EnumTest::Ne(failed)));
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
                assert_eq!(walk(&scene, &query).await, rest, "{query:?}");
            }
        }
    }
}

/// A page of no rows is empty and the last one.
pub async fn a_queried_page_of_no_rows_is_empty(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(scene.flow));
    query.size = page_size(0);
    assert_eq!(walk(&scene, &query).await, []);
}

/// blockingError and statistics come only where they are asked for.
pub async fn details_come_when_they_are_asked_for(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    let mut query = RunQuery::new(RunScope::Flow(scene.flow));
    let bare = walk(&scene, &query).await;
    assert!(bare.iter().all(|row| row.details.is_none()));
    query.details = true;
    for row in walk(&scene, &query).await {
        let run = scene.find(row.summary.key).await.expect("the run is there");
        let details = row.details.expect("details were asked for");
        assert_eq!(details.statistics, run.properties.statistics);
        assert_eq!(details.blocking_error, run.properties.blocking_error);
    }
}

/// A query of a tenant finds the runs of all its flows and of nobody else; deleted runs are in no list.
pub async fn runs_are_queried_across_the_flows_of_a_tenant(store: Arc<dyn Store>) {
    let one = filled(Arc::clone(&store)).await;
    let other = one.other_flow().await;
    // One id in two flows is two runs.
    for number in 25..=35 {
        other.create(number, &varied(number)).await;
    }
    other.delete(other.key(26)).await;
    let stranger = filled(store).await;
    let of_flow = |scene: &Scene| RunQuery::new(RunScope::Flow(scene.flow));
    let mut all = walk(&one, &of_flow(&one)).await;
    all.extend(walk(&other, &of_flow(&other)).await);
    assert_eq!(all.len(), 40);
    let mut query = RunQuery::new(RunScope::Tenant(one.flow.tenant));
    let failed = RunStatus::Ended(Outcome::Failed);
    let is_failed = is(RunTerm::Status(EnumTest::Eq(Some(failed))));
    let ids = |numbers: &[u64]| {
        let ids = numbers
            .iter()
            .map(|number| Some(crate::ids::numbered(*number)));
        is(RunTerm::Id(Test::In(ids.collect())))
    };
    let by_id = ids(&[26, 27, 35, 3, 3, 99]);
    let filters = [None, Some(is_failed.clone()), Some(by_id), Some(ids(&[]))];
    let both = Condition::And(vec![ids(&[27, 3, 30]), is_failed]);
    let filters = filters.into_iter().chain([Some(both)]);
    for (filter, order) in filters.flat_map(|filter| {
        let newest = orders()
            .into_iter()
            .filter(|order| order.sort == RunSort::Start);
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

/// Rows that come, go or move make no page skip or repeat a row that stood still.
pub async fn queried_pages_skip_no_run_while_others_come_and_go(store: Arc<dyn Store>) {
    let scene = filled(store).await;
    for (step, order) in orders().into_iter().enumerate() {
        let mut query = RunQuery::new(RunScope::Flow(scene.flow));
        query.order = order;
        query.size = page_size(4);
        let standing: Vec<ListedRun> = walk(&scene, &query).await;
        let mut seen = Vec::new();
        let first = 100 * (1 + step as u64);
        let mut number = first;
        loop {
            let found = scene.store.query_runs(&query).await;
            let found = found.expect("runs can be queried").expect("it is there");
            seen.extend(found.items);
            scene.create(number, &varied(number)).await;
            if number % 2 == 1 {
                scene.delete(scene.key(number - 1)).await;
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
            scene.delete(scene.key(number)).await;
        }
    }
}

/// A page with documents ends before the run that is over its limit of bytes, has one in any case, and the next goes on
/// after it.
pub async fn a_page_with_details_stays_within_its_bytes(store: Arc<dyn Store>) {
    const LIMIT: u32 = 20_000;
    let scene = Scene::new(store).await;
    for number in 1..=45 {
        let length = [10, 10, 2_000, 60_000][number as usize % 4];
        let text = format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(length));
        let new = NewRun {
            statistics: object(&text),
            ..varied(number)
        };
        scene.create(number, &new).await;
    }
    for sort in SORTS {
        for (direction, skip) in DIRECTIONS.into_iter().zip([0, 3]) {
            let query = RunQuery {
                order: RunOrder::new(sort, direction),
                size: page_size(100).within(LIMIT),
                skip,
                details: true,
                ..RunQuery::new(RunScope::Flow(scene.flow))
            };
            assert_pages_are_bounded(&scene, query, LIMIT as usize).await;
        }
    }
}

async fn assert_pages_are_bounded(scene: &Scene, mut query: RunQuery, limit: usize) {
    let whole = RunQuery {
        size: page_size(1000),
        details: false,
        ..query.clone()
    };
    let expected = walk(scene, &whole).await;
    let (mut rows, mut pages) = (Vec::new(), 0);
    loop {
        let found = scene.store.query_runs(&query).await;
        let found = found.expect("runs can be queried").expect("it is there");
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
