//! Reads what the page of a flow shows, in at most seven statements.

use flowruns_domain::{
    dashboard::{ErrorLine, Last, MemberPaths, MemberValues, RunKeys},
    flow::Flow,
    id::{FlowKey, RunKey},
    json::{JsonObject, JsonValue},
    query::{
        EnumComparison, Filter, ListedRun, PageSize, RunCursor, RunPredicate, RunQuery, RunScope,
    },
    run::{RunStatus, RunSummary},
    store::{Store, StoreError},
};

use super::members::Frequency;
use crate::{
    address::{FlowAddress, MemberName},
    links::OVERVIEW,
    pages::streak::is_good,
    problem::Problem,
};

/// How many of the newest runs are looked at for members of statistics.
const SAMPLE: u16 = 10;
const SAMPLE_BYTES: u32 = 128 * 1024;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) flow: Flow,
    /// The runs of the charts, the newest first.
    pub(super) newest: Vec<RunSummary>,
    /// Whether the flow has no other runs.
    pub(super) are_all: bool,
    /// The listed runs.
    pub(super) listed: Vec<RunSummary>,
    pub(super) next: Option<RunCursor>,
    /// The errors of the runs that are listed or told about, if they have one.
    pub(super) errors: Vec<ErrorLine>,
    /// The members of statistics with numbers, the most frequent first.
    pub(super) members: Vec<MemberName>,
    /// The members with a chart, and their values, the newest first.
    pub(super) charted: Vec<MemberName>,
    pub(super) values: Vec<MemberValues>,
    /// A good run before all of the newest ones, if none of them is good.
    pub(super) older_good: Option<RunSummary>,
}

/// Reads the flow and its runs.
///
/// # Errors
///
/// 404 if the tenant has no such flow.
pub(super) async fn read(
    store: &dyn Store,
    key: FlowKey,
    address: &FlowAddress,
) -> Result<Reading, Problem> {
    let not_found = || Problem::not_found("flow").with_action("All flows", OVERVIEW);
    let flow = store.find_flow(key).await?.ok_or_else(not_found)?;
    let last = address.last.number();
    let newest = RunQuery { size: size(last), ..RunQuery::new(RunScope::Flow(key)) };
    let (newest, more) = query(store, &newest).await?;
    let (listed, next) = match address.lists_newest() {
        true => first_page(&newest, address),
        false => query(store, &address.query(key)).await?,
    };
    let members = members(store, key).await?;
    let charted = match address.charts.is_empty() {
        true => members.iter().take(crate::address::Members::MAX).cloned().collect(),
        false => address.charts.names().to_vec(),
    };
    let values = values(store, key, &charted, last).await?;
    Ok(Reading {
        errors: errors(store, newest.first().into_iter().chain(&newest).take(1).chain(&listed)).await?,
        older_good: older_good(store, key, &newest, more.is_some()).await?,
        are_all: more.is_none(),
        flow,
        newest,
        listed,
        next,
        members,
        charted,
        values,
    })
}

fn size(rows: u16) -> PageSize {
    PageSize::new(rows).unwrap_or_default()
}

/// The runs of a query, and where its next page begins.
async fn query(
    store: &dyn Store,
    query: &RunQuery,
) -> Result<(Vec<RunSummary>, Option<RunCursor>), StoreError> {
    let page = store.query_runs(query).await?;
    // A flow that was deleted since it was read has no runs.
    let Some(page) = page.map(|page| query.bounded(page)) else {
        return Ok((Vec::new(), None));
    };
    let runs = page.items.into_iter().map(|listed| listed.summary).collect();
    Ok((runs, page.next.map(|next| next.after)))
}

/// The first page of the list, which is a part of the newest runs.
fn first_page(newest: &[RunSummary], address: &FlowAddress) -> (Vec<RunSummary>, Option<RunCursor>) {
    let page = usize::from(FlowAddress::PAGE);
    let listed: Vec<RunSummary> = newest.iter().take(page).cloned().collect();
    // With as many runs as were asked for there may be older ones; their page is empty then.
    let last = listed.last().filter(|_| newest.len() >= page);
    let next = last.map(|last| address.order.run_order().cursor(last));
    (listed, next)
}

/// The members with numbers in the newest runs, the most frequent first.
async fn members(store: &dyn Store, key: FlowKey) -> Result<Vec<MemberName>, StoreError> {
    let query = RunQuery {
        size: size(SAMPLE).within(SAMPLE_BYTES),
        details: true,
        ..RunQuery::new(RunScope::Flow(key))
    };
    let page = store.query_runs(&query).await?;
    let runs = page.map(|page| query.bounded(page).items).unwrap_or_default();
    let statistics = |run: &ListedRun| Some(run.details.as_ref()?.statistics.members().clone());
    let statistics: Vec<JsonObject> = runs.iter().filter_map(statistics).collect();
    Ok(Frequency::of(&statistics).most_frequent())
}

async fn values(
    store: &dyn Store,
    key: FlowKey,
    charted: &[MemberName],
    last: u16,
) -> Result<Vec<MemberValues>, StoreError> {
    let paths = charted.iter().map(|name| name.names().to_vec());
    match MemberPaths::new(paths) {
        Some(paths) => store.member_series(key, &paths, Last::new(last)).await,
        None => Ok(Vec::new()),
    }
}

/// The errors of the runs that may have one.
async fn errors(
    store: &dyn Store,
    runs: impl Iterator<Item = &RunSummary>,
) -> Result<Vec<ErrorLine>, StoreError> {
    let may_have_error =
        |run: &&RunSummary| run.state.end().is_some() && run.state.status().may_hold_blocking_error();
    let mut keys: Vec<RunKey> = runs.filter(may_have_error).map(|run| run.key).collect();
    keys.sort_unstable();
    keys.dedup();
    match RunKeys::new(keys) {
        Some(keys) => store.error_lines(&keys).await,
        None => Ok(Vec::new()),
    }
}

/// The newest good run, if it is older than the newest runs and there is none among them.
async fn older_good(
    store: &dyn Store,
    key: FlowKey,
    newest: &[RunSummary],
    has_more: bool,
) -> Result<Option<RunSummary>, StoreError> {
    let is_known = newest.iter().any(|run| is_good(run.state.status()));
    if is_known || !has_more {
        return Ok(None);
    }
    let good = RunStatus::ALL.into_iter().filter(|status| is_good(*status)).map(Some);
    let filter = RunPredicate::Status(EnumComparison::In(good.collect()));
    let filter = Some(Filter::Predicate(filter));
    let good = RunQuery { filter, size: size(1), ..RunQuery::new(RunScope::Flow(key)) };
    Ok(query(store, &good).await?.0.into_iter().next())
}
