//! GET the flows of the caller's tenant.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use flowruns_domain::{id::TenantId, property, query::FlowQuery};
use flowruns_http::auth::Permission;

use super::body::FlowBody;
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    odata::{
        count,
        cursor::Binding,
        filter::{Flows, read_filter},
        options::QueryOptions,
        order::flow_order,
        page::{next_query, requested, wants_count, with_preference},
        select::{Selected, Selection},
    },
    respond::{self, List},
    state::Api,
};

/// A filter whose rows can be counted.
const COUNTED: &str =
    "$filter=startswith(displayName,'Nightly rosters'); the longer the prefix, the fewer rows";
const PATH: &str = "industryData/incomingFlows";
/// The options of a queried list except `$expand`.
const OPTIONS: [&str; 8] =
    ["filter", "orderby", "select", "top", "skip", "count", "skiptoken", "format"];
pub(super) const PROPERTIES: &[&str] = &[
    property::ID,
    property::DISPLAY_NAME,
    property::READINESS_STATUS,
    property::DATA_DOMAIN,
    property::RECURRENCE_EFFECTIVE_DATE_TIME,
    property::RECURRENCE_EXPIRATION_DATE_TIME,
    "eTag",
];

pub(crate) async fn list_flows(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::List).await?;
    let options = request.options(&OPTIONS)?;
    let tenant = request.caller.tenant;
    let binding = Binding { tenant, list: PATH, options: options.bound() };
    let selection = Selection::read(&options, PROPERTIES)?;
    let (with_count, limit) = (wants_count(&options)?, api.options.limits.count_rows);
    let page = requested(&api, &options, &binding)?;
    let query = FlowQuery {
        size: page.size.within(request.page_bytes.0),
        skip: page.skip,
        after: page.after,
        ..query(&options, tenant)?
    };
    let found = api.flows.query(&query).await?;
    let counted = match with_count {
        true => Some(api.flows.count(&query, limit).await?),
        false => None,
    };
    let (count, count_above) = count::annotations(counted, limit);
    let next = found.next.as_ref();
    let row = |flow| Selected { row: FlowBody::item(flow), selection: &selection, expanded: false };
    let page = respond::json(&List {
        context: request.root.context(&format!("{PATH}{}", selection.fragment(false))),
        count,
        count_above,
        next_link: next
            .map(|next| request.root.same_path(&next_query(&api, &options, &binding, next))),
        value: found.items.iter().map(row).collect(),
    })?;
    Ok(with_preference(page, &options))
}

pub(crate) async fn count_flows(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::Text).await?;
    let options = request.options(&["filter"])?;
    let query = query(&options, request.caller.tenant)?;
    let limit = api.options.limits.count_rows;
    count::plain(api.flows.count(&query, limit).await?, limit, COUNTED)
}

/// The query of the options, without the page.
fn query(options: &QueryOptions, tenant: TenantId) -> Result<FlowQuery, ApiError> {
    let filter = options.get("filter").map(read_filter::<Flows>).transpose()?;
    Ok(FlowQuery { filter, order: flow_order(options)?, ..FlowQuery::new(tenant) })
}
