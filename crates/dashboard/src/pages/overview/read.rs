//! Reads the overview, with at most five statements: the tallies, the flows, up to two for the flows of a later page or of a tally,
//! and the runs of the page; or the runs of all flows for their marks, and those of the page.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;
use flowruns_domain::{
    dashboard::{FlowIds, RecentRun, RunsPerFlow, Tally, TallyRequest},
    flow::Flow,
    id::FlowId,
    query::{
        Direction, Filter, FlowOrder, FlowPredicate, FlowQuery, FlowSort, PageSize, TextComparison,
    },
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
};
use flowruns_http::RequestError;

use super::{
    Overview,
    marks::{FlowMarks, Marks},
    row::FlowRow,
    tiles::{MarkedFlows, TileCount, Tiles},
};
use crate::{
    address::{FlowPosition, OverviewAddress, Show},
    problem::Problem,
    request::PageRequest,
};

/// How many flows are looked at to find those that are late or stale. A tenant with more has marks on the flows of the page.
pub(super) const MAX_FLOWS: usize = FlowIds::MAX;

const BY_NAME: FlowOrder = FlowOrder::new(FlowSort::DisplayName, Direction::Ascending);

/// The flows of a page.
struct PageFlows {
    rows: Vec<FlowRow>,
    next: Option<FlowPosition>,
}

/// The tallies of the tenant.
struct Tallies {
    running: Tally,
    failed: Tally,
    with_errors: Tally,
}

/// The overview at an address.
pub(super) async fn overview(
    request: &PageRequest,
    address: OverviewAddress,
) -> Result<Overview, Problem> {
    let now = request.now;
    let tallies = Tallies::read(request).await?;
    let query = FlowQuery { size: size(MAX_FLOWS), ..by_name(request) };
    let found = request.store().query_flows(&query).await?;
    let is_whole = found.next.is_none();
    let all = found.items;
    if !is_whole {
        let page = of_many(request, &address, &tallies).await?;
        let marks = page.rows.iter().map(|row| (row.flow_id(), row.marks())).collect();
        let tiles = tiles(&tallies, &all, (&marks, false));
        return Ok(Overview::new((address, now), (None, None), tiles, (page.rows, page.next)));
    }
    let (page, marks) = of_few(request, &address, (&all, &tallies)).await?;
    let tiles = tiles(&tallies, &all, (&marks, true));
    let choices = FlowMarks::of(marks.values().copied());
    let counts = (Some(all.len()), Some(choices));
    Ok(Overview::new((address, now), counts, tiles, (page.rows, page.next)))
}

/// The page of a tenant whose flows were all read, and the marks of all of them.
async fn of_few(
    request: &PageRequest,
    address: &OverviewAddress,
    (all, tallies): (&[Flow], &Tallies),
) -> Result<(PageFlows, HashMap<FlowId, Marks>), Problem> {
    let OverviewAddress { show, name, after, size: _ } = address;
    let shows_all = show.is_none()
        && name.is_none()
        && after.is_none()
        && all.len() <= usize::from(address.size());
    let mut marks = match shows_all {
        true => HashMap::new(),
        false => remembered_marks(request, all).await?,
    };
    let running: HashSet<FlowId> = tallies.running.flows.iter().map(|one| one.flow).collect();
    let is_shown = |flow: &&Flow| match *show {
        None => true,
        Some(Show::Running) => running.contains(&flow.key.flow),
        Some(show) => marks.get(&flow.key.flow).is_some_and(|marks| marks.shows(show)),
    };
    let (flows, next) = page_of(all.iter().filter(is_shown), address);
    let mut rows = rows(request, &flows).await?;
    marks.extend(rows.iter().map(|row| (row.flow_id(), row.marks())));
    // The remembered marks may be older than these rows, one of whose stale runs was just ended.
    if let Some(show @ (Show::Attention | Show::Late | Show::Stale)) = *show {
        rows.retain(|row| row.marks().shows(show));
    }
    Ok((PageFlows { rows, next }, marks))
}

/// The page of a tenant with more flows than are looked at. Flows with runs in progress, and those that need attention because runs
/// of the last 24 hours failed or had errors, are found by the tallies. Late and stale flows are chosen among those of the page.
async fn of_many(
    request: &PageRequest,
    address: &OverviewAddress,
    tallies: &Tallies,
) -> Result<PageFlows, Problem> {
    match address.show {
        Some(Show::Running) => {
            return tallied_of_many(request, address, [&tallies.running].as_slice()).await;
        }
        Some(Show::Attention) => {
            let failed = [&tallies.failed, &tallies.with_errors];
            return tallied_of_many(request, address, failed.as_slice()).await;
        }
        Some(Show::Late | Show::Stale) | None => {}
    }
    let (flows, next) = named_of_many(request, address).await?;
    let flows: Vec<&Flow> = flows.iter().collect();
    let mut rows = rows(request, &flows).await?;
    if let Some(show) = address.show {
        rows.retain(|row| row.marks().shows(show));
    }
    Ok(PageFlows { rows, next })
}

/// The flows of a page by name. Upper and lower case do not matter while a page of the store holds all flows; the index that
/// finds names among more of them compares code points.
async fn named_of_many(
    request: &PageRequest,
    address: &OverviewAddress,
) -> Result<(Vec<Flow>, Option<FlowPosition>), Problem> {
    if address.name.is_some() {
        let query = FlowQuery { size: size(usize::from(PageSize::MAX)), ..by_name(request) };
        let found = request.store().query_flows(&query).await?;
        if found.next.is_none() {
            let (flows, next) = page_of(found.items.iter(), address);
            return Ok((flows.into_iter().cloned().collect(), next));
        }
    }
    let named = address.name.clone().map(|beginning| {
        Filter::Predicate(FlowPredicate::DisplayName(TextComparison::StartsWith(beginning)))
    });
    let query = FlowQuery {
        filter: named,
        size: size(usize::from(address.size())),
        after: address.after.as_ref().map(FlowPosition::cursor),
        ..by_name(request)
    };
    let found = request.store().query_flows(&query).await?;
    let next = found.next.and_then(|next| FlowPosition::from_cursor(next.after));
    Ok((found.items, next))
}

/// The flows of tallies, each of which has at most [`Tally::LIMIT`] of them. All are read, since they are listed by name.
async fn tallied_of_many(
    request: &PageRequest,
    address: &OverviewAddress,
    tallies: &[&Tally],
) -> Result<PageFlows, Problem> {
    let flows = tallies.iter().flat_map(|tally| &tally.flows).map(|one| one.flow);
    let ids: BTreeSet<FlowId> = flows.collect();
    let ids: Vec<FlowId> = ids.into_iter().collect();
    let mut found = request.store().find_flows(request.tenant(), &ids).await?;
    found.sort_by(|one, other| BY_NAME.compare(&BY_NAME.cursor(one), &BY_NAME.cursor(other)));
    let (flows, next) = page_of(found.iter(), address);
    Ok(PageFlows { rows: rows(request, &flows).await?, next })
}

/// The flows of a page among flows in the order of their names, and where the next page begins.
fn page_of<'a>(
    flows: impl Iterator<Item = &'a Flow>,
    address: &OverviewAddress,
) -> (Vec<&'a Flow>, Option<FlowPosition>) {
    let after = address.after.as_ref().map(FlowPosition::cursor);
    let beginning = address.name.as_ref().map(|name| name.to_lowercase());
    let mut shown = flows.filter(|flow| {
        let name = flow.properties.display_name.as_str();
        let position = BY_NAME.cursor(flow);
        beginning.as_ref().is_none_or(|beginning| name.to_lowercase().starts_with(beginning))
            && after.as_ref().is_none_or(|after| BY_NAME.compare(&position, after).is_gt())
    });
    let page: Vec<&Flow> = shown.by_ref().take(usize::from(address.size())).collect();
    let next = shown.next().and_then(|_| page.last().map(|flow| FlowPosition::of(flow)));
    (page, next)
}

/// Flows with their last runs.
async fn rows(request: &PageRequest, flows: &[&Flow]) -> Result<Vec<FlowRow>, Problem> {
    let runs = recent_runs(request, flows).await?;
    let rows = flows.iter().map(|flow| {
        let runs = runs.get(&flow.key.flow).map_or(&[][..], Vec::as_slice);
        FlowRow::new(flow, runs, request.now)
    });
    Ok(rows.collect())
}

/// The marks of all flows, at most some seconds old.
async fn remembered_marks(
    request: &PageRequest,
    all: &[Flow],
) -> Result<HashMap<FlowId, Marks>, Problem> {
    let read = async {
        let flows: Vec<&Flow> = all.iter().collect();
        let rows = rows(request, &flows).await?;
        Ok::<_, Problem>(rows.iter().map(|row| (row.flow_id(), row.marks())).collect())
    };
    let at = (request.tenant(), request.now);
    let remembered = request.dashboard.marks.get_or_read(at, read).await?;
    let is_known = |flow: &FlowId| all.iter().any(|one| one.key.flow == *flow);
    Ok(remembered
        .marks
        .iter()
        .filter(|(flow, _)| is_known(flow))
        .map(|(id, marks)| (*id, *marks))
        .collect())
}

async fn recent_runs(
    request: &PageRequest,
    flows: &[&Flow],
) -> Result<HashMap<FlowId, Vec<RecentRun>>, Problem> {
    if flows.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = FlowIds::new(flows.iter().map(|flow| flow.key.flow));
    let ids = ids.ok_or_else(|| RequestError::internal("more flows than a query may have"))?;
    let found = request.store().recent_runs(request.tenant(), &ids, RunsPerFlow::MAX).await?;
    Ok(found.into_iter().map(|one| (one.flow, one.runs)).collect())
}

impl Tallies {
    async fn read(request: &PageRequest) -> Result<Self, Problem> {
        let day = Timestamp::new(request.now.date_time() - TimeDelta::hours(24)).ok();
        let ended = |outcome| TallyRequest { status: RunStatus::Ended(outcome), since: day };
        let requests = [
            TallyRequest { status: RunStatus::Running, since: None },
            ended(Outcome::Failed),
            ended(Outcome::CompletedWithErrors),
        ];
        let found = request.store().tallies(request.tenant(), &requests).await?;
        let mut found = found.into_iter();
        let mut next = || found.next().unwrap_or_default();
        Ok(Self { running: next(), failed: next(), with_errors: next() })
    }
}

fn tiles(
    tallies: &Tallies,
    known: &[Flow],
    (marks, is_whole): (&HashMap<FlowId, Marks>, bool),
) -> Tiles {
    let name = |id: FlowId| {
        let flow = known.iter().find(|flow| flow.key.flow == id);
        flow.map(|flow| flow.properties.display_name.as_str().to_owned())
    };
    let marked = |show: Show| {
        let mut ids = marks.iter().filter(|(_, marks)| marks.shows(show)).map(|(id, _)| *id);
        let first = ids.next();
        let others = ids.count();
        MarkedFlows {
            flows: usize::from(first.is_some()) + others,
            flow_name: first.filter(|_| others == 0).and_then(name),
            is_of_page: !is_whole,
        }
    };
    Tiles {
        running: TileCount::new(&tallies.running, name),
        failed: TileCount::new(&tallies.failed, name),
        with_errors: TileCount::new(&tallies.with_errors, name),
        late: marked(Show::Late),
        stale: marked(Show::Stale),
    }
}

fn by_name(request: &PageRequest) -> FlowQuery {
    FlowQuery { order: BY_NAME, ..FlowQuery::new(request.tenant()) }
}

fn size(rows: usize) -> PageSize {
    u16::try_from(rows).ok().and_then(PageSize::new).unwrap_or_default()
}
