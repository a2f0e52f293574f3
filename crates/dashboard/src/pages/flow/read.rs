//! Reads what the page of a flow shows, in at most six statements.

use flowruns_domain::{
    dashboard::{
        ErrorLine, Last, MemberPath, MemberPaths, MemberValues, NEWEST_FIRST, Neighbours,
        RecentRun, RunKeys,
    },
    flow::Flow,
    id::{FlowKey, RunKey},
    json::JsonObject,
    query::{
        EnumComparison, Filter, ListedRun, PageSize, RunCursor, RunPredicate, RunQuery, RunScope,
        SortKey,
    },
    run::RunStatus,
    store::{Store, StoreError},
};

use super::members::Frequency;
use crate::{
    address::{FlowAddress, Members},
    links::OVERVIEW,
    pages::streak::recent,
    problem::Problem,
};

/// How many of the newest runs are looked at for members of statistics.
const SAMPLE: u16 = 10;
const SAMPLE_BYTES: u32 = 128 * 1024;

/// What the page shows.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) flow: Flow,
    /// The members of statistics with numbers, the most frequent first.
    pub(super) members: Vec<MemberPath>,
    /// The members with a chart.
    pub(super) charted: Members,
    /// The runs of the charts with the values of those members, the newest first.
    pub(super) newest: Vec<MemberValues>,
    /// Whether the flow may have other runs.
    pub(super) has_more: bool,
    /// The listed runs.
    pub(super) listed: Vec<RecentRun>,
    pub(super) next: Option<RunCursor>,
    /// The errors of the listed runs and of the newest one that ended, if they have one.
    pub(super) errors: Vec<ErrorLine>,
    /// The newest run that completed, if it is older than the newest runs.
    pub(super) older_success: Option<RecentRun>,
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
    let members = members(store, key).await?;
    let charted = match address.charts.is_empty() {
        true => Members::of(members.iter().cloned()),
        false => address.charts.clone(),
    };
    let last = Last::new(address.last.number()).unwrap_or(Last::MAX);
    let paths = MemberPaths::new(charted.paths().to_vec()).unwrap_or_default();
    let newest = store.member_series(key, &paths, last).await?;
    let has_more = newest.len() >= usize::from(last.get());
    let (listed, next) = match address.lists_newest() {
        true => first_page(key, &newest),
        false => query(store, &address.query(key)).await?,
    };
    Ok(Reading {
        errors: errors(store, key, &newest, &listed).await?,
        older_success: older_success(store, key, &newest, has_more).await?,
        flow,
        members,
        charted,
        newest,
        has_more,
        listed,
        next,
    })
}

fn size(rows: u16) -> PageSize {
    PageSize::new(rows).unwrap_or_default()
}

/// The runs of a query, and where its next page begins.
async fn query(
    store: &dyn Store,
    query: &RunQuery,
) -> Result<(Vec<RecentRun>, Option<RunCursor>), StoreError> {
    let page = store.query_runs(query).await?;
    // A flow that was deleted since it was read has no runs.
    let Some(page) = page.map(|page| query.bounded(page)) else {
        return Ok((Vec::new(), None));
    };
    let runs = page.items.into_iter().map(|listed| recent(listed.summary)).collect();
    Ok((runs, page.next.map(|next| next.after)))
}

/// The first page of the list, which is a part of the newest runs.
fn first_page(key: FlowKey, newest: &[MemberValues]) -> (Vec<RecentRun>, Option<RunCursor>) {
    let page = usize::from(FlowAddress::PAGE);
    let listed: Vec<RecentRun> =
        newest.iter().take(page).map(|values| values.run.clone()).collect();
    // There may be no run after a full page; its next page is empty then.
    let last = listed.last().filter(|_| listed.len() >= page);
    let next = last.map(|last| RunCursor {
        key: SortKey::Time(Some(last.start)),
        run: last.id,
        flow: key.flow,
    });
    (listed, next)
}

/// The members with numbers in the newest runs, the most frequent first.
async fn members(store: &dyn Store, key: FlowKey) -> Result<Vec<MemberPath>, StoreError> {
    let query = RunQuery {
        order: NEWEST_FIRST,
        size: size(SAMPLE).within(SAMPLE_BYTES),
        details: true,
        ..RunQuery::new(RunScope::Flow(key))
    };
    let page = store.query_runs(&query).await?;
    let runs = page.map(|page| query.bounded(page).items).unwrap_or_default();
    let statistics = |run: ListedRun| Some(run.details?.statistics.members());
    let statistics: Vec<JsonObject> = runs.into_iter().filter_map(statistics).collect();
    Ok(Frequency::of(&statistics).most_frequent())
}

/// The errors of the runs that may have one.
async fn errors(
    store: &dyn Store,
    key: FlowKey,
    newest: &[MemberValues],
    listed: &[RecentRun],
) -> Result<Vec<ErrorLine>, StoreError> {
    let newest_ended = newest.iter().map(|values| &values.run).find(|run| run.end().is_some());
    let may_have_error =
        |run: &&RecentRun| run.end().is_some() && run.status().may_hold_blocking_error();
    let runs = newest_ended.into_iter().chain(listed).filter(may_have_error);
    let mut keys: Vec<RunKey> = runs.map(|run| key.run(run.id)).collect();
    keys.sort_unstable();
    keys.dedup();
    match RunKeys::new(keys) {
        Some(keys) => store.error_lines(&keys).await,
        None => Ok(Vec::new()),
    }
}

/// The newest run that completed, if there is none among the newest runs.
async fn older_success(
    store: &dyn Store,
    key: FlowKey,
    newest: &[MemberValues],
    has_more: bool,
) -> Result<Option<RecentRun>, StoreError> {
    let successes = Neighbours::SUCCESSES.map(RunStatus::Ended);
    let is_known = newest.iter().any(|values| successes.contains(&values.run.status()));
    if is_known || !has_more {
        return Ok(None);
    }
    let is_success = RunPredicate::Status(EnumComparison::In(successes.map(Some).to_vec()));
    let query_for_one = RunQuery {
        filter: Some(Filter::Predicate(is_success)),
        order: NEWEST_FIRST,
        size: size(1),
        ..RunQuery::new(RunScope::Flow(key))
    };
    Ok(query(store, &query_for_one).await?.0.into_iter().next())
}
