//! The cost of every list is bounded by its page or the scan limit, whatever its filter and order, with a million runs and
//! a hundred thousand flows, and whatever the statistics of PostgreSQL are.

mod cost;
mod dashboard;
mod shape;
mod table;

use flowruns_domain::{
    query::{
        Count, CountLimit, Filter, FlowFilter, PageSize, RunFilter, RunOrder, RunPredicate,
        RunQuery, RunScope, SCAN_LIMIT, TextComparison,
    },
    store::{FlowStore as _, RunStore as _},
};
use flowruns_persistence::PostgresStore;

use self::{cost::Cost, table::Table};

const PAGE: u16 = 50;
/// The scan limit of a page, so that a page and a count have the same bound.
const COUNT_LIMIT: CountLimit = CountLimit::new(SCAN_LIMIT as u32).unwrap();

/// Pages of an index besides the rows: inner pages, and the leaf pages of ten thousand entries.
const INDEX_PAGES: f64 = 500.0;

/// Pages of an index that are read to find one id.
const PAGES_PER_ID: usize = 6;

fn pages_of_ids(ids: usize) -> f64 {
    INDEX_PAGES + (PAGES_PER_ID * ids) as f64
}

/// Pages besides those of the rows that a query may read.
fn more_pages(query: &RunQuery) -> f64 {
    let ids = query.filter.as_ref().and_then(RunFilter::required_ids);
    ids.map_or(INDEX_PAGES, |ids| pages_of_ids(ids.len()))
}

fn check(cost: &Cost, more_pages: f64, context: &dyn Fn() -> String) {
    let of_index = cost.scans.iter().all(|scan| scan.starts_with("Index"));
    assert!(of_index, "{:?}\n{}", cost.scans, context());
    let page = f64::from(PAGE) + 1.0;
    assert!(cost.rows_sorted <= page, "{} sorted\n{}", cost.rows_sorted, context());
    let bound = (SCAN_LIMIT + 1) as f64;
    assert!(cost.rows_read <= bound, "{} rows\n{}", cost.rows_read, context());
    assert!(cost.pages <= cost.rows_read + more_pages, "{} pages\n{}", cost.pages, context());
}

/// Checks every query, and returns their number.
async fn check_all(store: &PostgresStore, statistics: &str) -> usize {
    let (runs, flows) = (shape::run_queries(), shape::flow_queries());
    for query in &runs {
        let more_pages = more_pages(query);
        for plan in store.explain_runs(query, COUNT_LIMIT).await.unwrap() {
            check(&Cost::of(&plan), more_pages, &|| format!("{statistics}: {query:?}\n{plan}"));
        }
    }
    for query in &flows {
        let listed = query.filter.as_ref().and_then(FlowFilter::required_ids);
        let listed = listed.unwrap_or_default();
        let more_pages = pages_of_ids(listed.len());
        for plan in store.explain_flows(query, COUNT_LIMIT).await.unwrap() {
            let context = || format!("{statistics}: {query:?}\n{plan}");
            check(&Cost::of(&plan), more_pages, &context);
        }
    }
    runs.len() + flows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_bounded_with_old_statistics_with_none_and_with_new_ones() {
    let table = Table::begun().await;
    table.analyze().await;
    table.fill().await;
    dashboard::fill(&table).await;
    let store = table.store().await;
    let checked = check_all(&store, "statistics of a thousand runs").await;
    assert!(checked > 500, "{checked}");
    dashboard::check_all(&store, "statistics of a thousand runs").await;
    table.forget_statistics().await;
    check_all(&store, "no statistics").await;
    dashboard::check_all(&store, "no statistics").await;
    table.analyze().await;
    check_all(&store, "statistics of all runs").await;
    dashboard::check_all(&store, "statistics of all runs").await;
    counts_read_only_the_rows_of_the_name_or_status(&store).await;
    the_last_page_costs_what_the_first_one_does(&store).await;
    short_pages_lead_to_every_run(&store).await;
}

/// The rows and database pages that a page of a list reads, without its count.
async fn cost_of_page(store: &PostgresStore, query: &RunQuery) -> (f64, f64) {
    let mut plans = store.explain_runs(query, COUNT_LIMIT).await.unwrap();
    plans.pop();
    let costs = plans.iter().map(|plan| Cost::of(plan));
    costs.fold((0.0, 0.0), |(rows, pages), cost| (rows + cost.rows_read, pages + cost.pages))
}

/// Without the index that fits its filter, each count would read many times more rows than its limit.
async fn counts_read_only_the_rows_of_the_name_or_status(store: &PostgresStore) {
    for query in shape::narrow_run_counts() {
        let count = store.count_runs(&query, COUNT_LIMIT).await.unwrap();
        let is_exact = matches!(count, Some(Count::Exactly(_)));
        assert!(is_exact, "{count:?}: {query:?}");
    }
    for query in shape::narrow_flow_counts() {
        let limit = CountLimit::new(1000).unwrap();
        let count = store.count_flows(&query, limit).await.unwrap();
        assert!(matches!(count, Count::Exactly(1..)), "{count:?}: {query:?}");
    }
}

/// The last page of a list. It is found from the end, since twelve thousand pages precede it.
async fn last_page(store: &PostgresStore, first: &RunQuery) -> RunQuery {
    let RunOrder { sort, direction, ties } = first.order;
    let order = RunOrder { sort, direction: direction.reversed(), ties: ties.reversed() };
    let from_end = RunQuery { order, ..first.clone() };
    let found = store.query_runs(&from_end).await.unwrap().unwrap();
    let cursors = found.items.iter().map(|row| first.order.cursor(&row.summary));
    let after = cursors.min_by(|one, other| first.order.compare(one, other));
    let mut query = RunQuery { after, ..first.clone() };
    while let Some(next) = store.query_runs(&query).await.unwrap().unwrap().next {
        query.after = Some(next.after);
    }
    query
}

async fn the_last_page_costs_what_the_first_one_does(store: &PostgresStore) {
    for first in shape::plain_run_queries() {
        let last = last_page(store, &first).await;
        let (first_rows, _) = cost_of_page(store, &first).await;
        let (last_rows, last_pages) = cost_of_page(store, &last).await;
        // Ten rows have one key; each row may be on a page of its own, and two ranges descend an index twice.
        assert!(last_rows <= first_rows + 10.0, "{last_rows} rows: {last:?}");
        assert!(last_pages <= first_rows + 20.0, "{last_pages} pages: {last:?}");
    }
}

/// A page whose scan reaches its limit is short, and the next page continues after it, to the end of the list.
async fn short_pages_lead_to_every_run(store: &PostgresStore) {
    for order in shape::run_orders() {
        let test = TextComparison::EndsWith(" 42".to_owned());
        let mut query = RunQuery {
            filter: Some(Filter::Predicate(RunPredicate::DisplayName(test))),
            order,
            size: PageSize::new(100).unwrap(),
            ..RunQuery::new(RunScope::Flow(table::big_flow()))
        };
        let (mut rows, mut pages) = (Vec::new(), 0);
        loop {
            let found = store.query_runs(&query).await.unwrap().unwrap();
            let cursors = found.items.iter().map(|row| order.cursor(&row.summary));
            rows.extend(cursors);
            pages += 1;
            let Some(next) = found.next else { break };
            (query.after, query.skip) = (Some(next.after), next.skip);
        }
        assert_eq!(rows.len(), 479, "{query:?}");
        assert!(rows.is_sorted_by(|one, other| order.compare(one, other).is_lt()));
        assert!((48..=72).contains(&pages), "{pages} pages");
    }
}
