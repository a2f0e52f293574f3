//! GET runs: of a flow, or of all flows of the caller's tenant.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{
    flow::Flow,
    id::{FlowId, TenantId},
    query::{ListedRun, PageSize, RunQuery, RunScope},
    run::Via,
};
use flowruns_http::auth::Permission;

use super::{body::RunItem, projection::Projection};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    odata::{
        count,
        cursor::Binding,
        filter::{Runs, read_filter},
        options::QueryOptions,
        order::run_order,
        page::{PageBytes, QUERY_OPTIONS, next_query, requested, wants_count, with_preference},
        select::Selection,
    },
    respond::{self, List},
    state::Api,
};

/// The maximum number of rows in a page with documents: each may be as long as a request body.
const MAX_WITH_DETAILS: u16 = 100;

/// A filter whose rows can be counted.
const COUNTED: &str = "$filter=startDateTime ge 2026-03-01T00:00:00Z and startDateTime lt 2026-03-02T00:00:00Z; the \
    shorter the range, the fewer rows";

/// The memory of a row, in bytes: without its documents mostly its name, and with them up to 64 KiB of each.
const SHORT_ROW: usize = 400;
const LONG_ROW: usize = 128 * 1024;

pub(crate) async fn list_runs(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::List).await?;
    let (flow, via) = (request.flow_key()?, request.via()?);
    list(&api, &request, RunScope::Flow(flow), via).await
}

pub(crate) async fn list_all_runs(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::List).await?;
    let scope = RunScope::Tenant(request.caller.tenant);
    list(&api, &request, scope, Via::NONE).await
}

pub(crate) async fn count_runs(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::Text).await?;
    let (flow, via) = (request.flow_key()?, request.via()?);
    count(&api, &request, RunScope::Flow(flow), via).await
}

pub(crate) async fn count_all_runs(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::Text).await?;
    let scope = RunScope::Tenant(request.caller.tenant);
    count(&api, &request, scope, Via::NONE).await
}

async fn count(
    api: &Api,
    request: &ApiRequest,
    scope: RunScope,
    via: Via,
) -> Result<Response, ApiError> {
    let options = request.options(&["filter"])?;
    let query = query(&options, scope)?;
    let limit = api.options.limits.count_rows;
    let counted = api.runs.count(via, &query, limit).await?;
    count::plain(counted, limit, COUNTED)
}

/// The query of the options, without the page.
fn query(options: &QueryOptions, scope: RunScope) -> Result<RunQuery, ApiError> {
    let filter = options.get("filter").map(read_filter::<Runs>).transpose()?;
    Ok(RunQuery { filter, order: run_order(options)?, ..RunQuery::new(scope) })
}

async fn list(
    api: &Api,
    request: &ApiRequest,
    scope: RunScope,
    via: Via,
) -> Result<Response, ApiError> {
    let options = request.options(&QUERY_OPTIONS)?;
    let path = match scope {
        RunScope::Flow(flow) => format!("industryData/incomingFlows('{}')/runs", flow.flow),
        RunScope::Tenant(_) => "industryData/runs".to_owned(),
    };
    let binding = Binding { tenant: scope.tenant(), list: &path, options: options.bound() };
    let projection = Projection::read(&options)?;
    let (with_count, limit) = (wants_count(&options)?, api.options.limits.count_rows);
    let mut query = page_query(api, &options, &binding, scope, &projection)?;
    query.size = within(query.size, request.page_bytes, &projection);
    let row_bytes = if query.details { LONG_ROW } else { SHORT_ROW };
    request.reserve_page(api, query.size.rows(), row_bytes).await?;
    let found = api.runs.query(via, &query).await?;
    let counted = match with_count {
        true => Some(api.runs.count(via, &query, limit).await?),
        false => None,
    };
    let processes = match projection.with_process {
        true => processes(api, scope.tenant(), &found.items).await?,
        false => BTreeMap::new(),
    };
    let next = found.next.as_ref();
    let next = next.map(|next| next_query(api, &options, &binding, next));
    let (count, count_above) = count::annotations(counted, limit);
    let rows = found.items.iter();
    let rows = rows.map(|run| {
        projection.selected(item(request, scope, run, &projection.selection, &processes))
    });
    let page = respond::json(&List {
        context: request.root.context(&format!("{path}{}", projection.fragment())),
        count,
        count_above,
        next_link: next.map(|query| request.root.same_path(&query)),
        value: rows.collect(),
    })?;
    Ok(with_preference(page, &options))
}

fn page_query(
    api: &Api,
    options: &QueryOptions,
    binding: &Binding<'_>,
    scope: RunScope,
    projection: &Projection,
) -> Result<RunQuery, ApiError> {
    let page = requested(api, options, binding)?;
    let details = projection.has_details();
    Ok(RunQuery {
        size: size(page.size, details),
        skip: page.skip,
        after: page.after,
        details,
        ..query(options, scope)?
    })
}

/// A row that shows its process as well may be up to three times as long.
fn within(size: PageSize, bytes: PageBytes, projection: &Projection) -> PageSize {
    match projection.with_process {
        true => size.within(bytes.0 / 3),
        false => size.within(bytes.0),
    }
}

fn size(asked: PageSize, details: bool) -> PageSize {
    match PageSize::new(MAX_WITH_DETAILS) {
        Some(most) if details && asked.rows() > most.rows() => most,
        _ => asked,
    }
}

/// In a list across flows each run has its URL, because nothing else names its flow.
fn item<'a>(
    request: &ApiRequest,
    scope: RunScope,
    run: &'a ListedRun,
    selection: &Selection,
    processes: &BTreeMap<FlowId, Flow>,
) -> RunItem<'a> {
    let item = RunItem::new(run, selection, processes.get(&run.summary.key.flow));
    match scope {
        RunScope::Flow(_) => item,
        RunScope::Tenant(_) => item.at(super::body::address(run.summary.key, &request.root)),
    }
}

/// The flows of these runs.
async fn processes(
    api: &Api,
    tenant: TenantId,
    runs: &[ListedRun],
) -> Result<BTreeMap<FlowId, Flow>, ApiError> {
    let mut ids: Vec<FlowId> = runs.iter().map(|run| run.summary.key.flow).collect();
    ids.sort_unstable();
    ids.dedup();
    let flows = api.flows.find_by_ids(tenant, &ids).await?;
    Ok(flows.into_iter().map(|flow| (flow.key.flow, flow)).collect())
}
