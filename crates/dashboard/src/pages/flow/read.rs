//! Reads what the page of a flow shows, in at most seven statements: the flow, its newest runs with their statistics, the values
//! of the charts, up to three for the list, and the errors.

use flowruns_domain::{
    dashboard::{
        EarlierRuns, ErrorLine, Last, MemberPath, MemberPaths, MemberValues, Neighbours, RecentRun,
        RunKeys, RunsPerFlow,
    },
    flow::Flow,
    id::{FlowKey, RunKey},
    json::JsonObject,
    query::{PageSize, RunCursor, RunQuery, SortKey},
    run::Statistics,
    store::{Store, StoreError},
};

use super::members::Frequency;
use crate::{
    address::{FlowAddress, Members},
    links::OVERVIEW,
    page::OFFLOAD,
    pages::streak::recent,
    problem::Problem,
};

/// How many of the newest runs are looked at for members of statistics.
const SAMPLE: RunsPerFlow = match RunsPerFlow::new(10) {
    Some(runs) => runs,
    None => RunsPerFlow::MAX,
};
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
    let sample = EarlierRuns { runs: SAMPLE, details: sample_size() };
    let Neighbours { before, success, .. } = store.neighbours(key, None, sample).await?;
    let sampled = before.into_iter().filter_map(|run| Some(run.details?.statistics));
    let sampled: Vec<Statistics> = sampled.collect();
    let bytes = sampled.iter().map(|statistics| statistics.text().len()).sum();
    let members = OFFLOAD.run_if_long(bytes, move || members(&sampled)).await;
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
        older_success: success.filter(|run| !newest.iter().any(|values| values.run.id == run.id)),
        flow,
        members,
        charted,
        newest,
        has_more,
        listed,
        next,
    })
}

fn sample_size() -> PageSize {
    PageSize::new(SAMPLE.get()).unwrap_or_default().within(SAMPLE_BYTES)
}

/// The runs of a query, and where its next page begins.
async fn query(
    store: &dyn Store,
    query: &RunQuery,
) -> Result<(Vec<RecentRun>, Option<RunCursor>), StoreError> {
    let page = query.bounded(store.filtered_runs(query).await?);
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

/// The members with numbers in these statistics, the most frequent first.
fn members(statistics: &[Statistics]) -> Vec<MemberPath> {
    let statistics: Vec<JsonObject> = statistics.iter().map(Statistics::members).collect();
    Frequency::of(&statistics).most_frequent()
}

/// The errors of the runs that may have one.
async fn errors(
    store: &dyn Store,
    key: FlowKey,
    newest: &[MemberValues],
    listed: &[RecentRun],
) -> Result<Vec<ErrorLine>, StoreError> {
    let newest_ended = newest.iter().map(|values| &values.run).find(|run| run.end().is_some());
    let may_have_error = |run: &&RecentRun| run.state.may_have_ended_with_error();
    let runs = newest_ended.into_iter().chain(listed).filter(may_have_error);
    let mut keys: Vec<RunKey> = runs.map(|run| key.run(run.id)).collect();
    keys.sort_unstable();
    keys.dedup();
    match RunKeys::new(keys) {
        Some(keys) => store.error_lines(&keys).await,
        None => Ok(Vec::new()),
    }
}
