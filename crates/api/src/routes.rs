//! The table of routes. Each operation is one entry: its path, method, handler and description. The router, the names in
//! metrics and the OpenAPI document are made from it.

mod route;

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    response::Response,
};
use flowruns_http::{RequestContext, RequestError, RouteName, live};
use tower::ServiceExt as _;
use utoipa::openapi::Paths;

use self::route::{DELETE, GET, PATCH, POST, Route};
use crate::{
    batch::{ItemRoutes, post_batch},
    docs,
    error::ApiError,
    flows, metadata,
    odata::key_path::{self, SentUri},
    openapi::service_operations as service,
    runs,
    state::{Api, ApiOptions},
};

const FLOWS: &str = "/industryData/incomingFlows";
const FLOW: &str = "/industryData/incomingFlows/{flow}";
const RUNS: &str = "/industryData/incomingFlows/{flow}/runs";
const RUN: &str = "/industryData/incomingFlows/{flow}/runs/{run}";
const PROCESS: &str = "/industryData/incomingFlows/{flow}/runs/{run}/process";
/// The same runs through the process of a run.
const PROCESS_RUNS: &str = "/industryData/incomingFlows/{flow}/runs/{run}/process/runs";
const PROCESS_RUN: &str = "/industryData/incomingFlows/{flow}/runs/{run}/process/runs/{target}";
const TENANT_RUNS: &str = "/industryData/runs";

/// All routes, the busiest first. key_path makes one form of each key, so that a key is always a segment.
fn table() -> Vec<Route> {
    let mut table = vec![run(RUN), run(PROCESS_RUN), run_list(RUNS), run_list(PROCESS_RUNS)];
    for list in [RUNS, PROCESS_RUNS] {
        let count = format!("{list}/$count");
        table.push(Route::new(count).on(GET, runs::count_runs, service::count_runs));
    }
    for run in [RUN, PROCESS_RUN] {
        let history = format!("{run}/history");
        table.push(Route::new(history).on(GET, runs::list_history, runs::describe::list_history));
    }
    table.extend([
        Route::new(PROCESS).on(GET, runs::get_process, runs::describe::get_process),
        Route::new(FLOWS).on(GET, flows::list_flows, flows::describe::list_flows).on(
            POST,
            flows::create_flow,
            flows::describe::create_flow,
        ),
        Route::new(FLOW)
            .on(GET, flows::get_flow, flows::describe::get_flow)
            .on(PATCH, flows::patch_flow, flows::describe::patch_flow)
            .on(DELETE, flows::delete_flow, flows::describe::delete_flow),
        Route::new(format!("{FLOWS}/$count")).on(GET, flows::count_flows, service::count_flows),
        Route::new(TENANT_RUNS).on(GET, runs::list_all_runs, runs::describe::list_tenant_runs),
        Route::new(format!("{TENANT_RUNS}/$count")).on(
            GET,
            runs::count_all_runs,
            service::count_tenant_runs,
        ),
        Route::new(format!("{TENANT_RUNS}/{{run}}")).on(
            GET,
            runs::get_run_by_id,
            runs::describe::get_run_by_id,
        ),
        Route::new("/industryData").on(GET, metadata::get_hub, service::get_hub),
        Route::new("/$batch").on(POST, post_batch, service::post_batch).with_items(),
    ]);
    table.extend(descriptions());
    table
}

/// A single run.
fn run(path: &str) -> Route {
    Route::new(path)
        .on(GET, runs::get_run, runs::describe::get_run)
        .on(PATCH, runs::patch_run, runs::describe::patch_run)
        .on(DELETE, runs::delete_run, runs::describe::delete_run)
}

/// The runs of a flow.
fn run_list(path: &str) -> Route {
    Route::new(path).on(GET, runs::list_runs, runs::describe::list_runs).on(
        POST,
        runs::create_run,
        runs::describe::create_run,
    )
}

/// The routes that need no token.
fn descriptions() -> [Route; 8] {
    let flow_metadata = format!("{FLOW}/$metadata");
    [
        Route::open("/").on(GET, metadata::get_service_document, service::get_service_document),
        Route::open("/$metadata").on(GET, metadata::get_metadata, service::get_metadata),
        Route::open(flow_metadata).on(GET, metadata::get_flow_metadata, service::get_flow_metadata),
        Route::at_root("/openapi.json").on(GET, docs::openapi, service::get_openapi),
        Route::at_root("/docs").on(GET, docs::page, service::get_docs),
        Route::at_root("/docs/{file}").named("/docs").get_undescribed(docs::page_file),
        Route::at_root("/livez").on(GET, live, service::get_livez),
        Route::at_root("/readyz").on(GET, readyz, service::get_readyz),
    ]
}

/// The template of each route, and its name in metrics where that is another one.
static NAMES: LazyLock<Vec<(String, Option<&'static str>)>> =
    LazyLock::new(|| table().into_iter().map(Route::into_names).collect());

/// The number of routes.
pub(crate) fn count() -> usize {
    NAMES.len()
}

/// The name of the route that matched: the same below `/beta`.
pub(crate) fn route_name(matched: Option<&MatchedPath>) -> RouteName {
    matched.map_or(RouteName::UNKNOWN, |matched| named(matched.as_str()))
}

fn named(template: &str) -> RouteName {
    let template = match template.strip_prefix(route::BETA) {
        Some("") => "/",
        Some(below) => below,
        None => template,
    };
    let mut names = NAMES.iter().enumerate();
    let found = names.find(|(_, (known, _))| known == template);
    found.map_or(RouteName::UNKNOWN, |(index, (template, name))| {
        RouteName::new(index, name.unwrap_or(template))
    })
}

/// The paths of the OpenAPI document.
pub(crate) fn paths() -> Paths {
    let paths = utoipa::openapi::PathsBuilder::new();
    let described = table().into_iter().filter_map(Route::into_path_item);
    described.fold(paths, |paths, (path, item)| paths.path(path, item)).build()
}

/// The routes, ready to be served.
pub fn router(options: ApiOptions) -> Router {
    let api = Arc::new(Api::new(options));
    // The items of a batch have all routes but that of the batch.
    let items =
        ItemRoutes(mount(table().into_iter().filter(|route| !route.is_batch()), None, &api));
    let routes = mount(table().into_iter(), Some(&items), &api);
    // Around the routes rather than on each of them: the path is normalized before it is routed.
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let (api, routes) = (Arc::clone(&api), routes.clone());
        async move {
            let handler = |request| respond(routes, request);
            Ok::<_, Infallible>(api.pipeline.serve(request, handler).await)
        }
    }))
}

fn mount(table: impl Iterator<Item = Route>, items: Option<&ItemRoutes>, api: &Arc<Api>) -> Router {
    let routes = table.fold(Router::new(), |router, route| route.mount(router, items));
    routes
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(api))
}

/// The response of the routes to a request, whose path is normalized first.
pub(crate) async fn respond(routes: Router, request: Request) -> Response {
    let method = request.method().clone();
    let Ok(mut response) = routes.oneshot(key_path::normalize(request)).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        name_allowed_methods(&mut response, &method);
    }
    response
}

async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    api.options.readiness.response().await
}

async fn route_not_found(request: Request) -> ApiError {
    let sent = request.extensions().get::<SentUri>();
    ApiError::route_not_found(sent.map_or(request.uri(), |SentUri(uri)| uri).path())
}

async fn method_not_allowed(request: Request) -> ApiError {
    note_route(&request);
    ApiError::method_not_allowed(request.method(), None)
}

/// The router adds the header Allow after [`method_not_allowed`], so that only now the message can list what is allowed.
fn name_allowed_methods(response: &mut Response, method: &Method) {
    if response.extensions().get::<Arc<RequestError>>().is_some() {
        let allow = response.headers().get(header::ALLOW);
        let ApiError(error) = ApiError::method_not_allowed(method, allow);
        response.extensions_mut().insert(Arc::new(error));
    }
}

/// Notes the route of a request that no [`ApiRequest`](crate::extract::ApiRequest) reads.
fn note_route(request: &Request) {
    if let Some(context) = request.extensions().get::<Arc<RequestContext>>() {
        context.note_route(route_name(request.extensions().get::<MatchedPath>()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_template_occurs_once_and_has_a_name() {
        let templates: BTreeSet<_> = NAMES.iter().map(|(template, _)| template).collect();
        assert_eq!(templates.len(), NAMES.len());
        for template in templates {
            assert_ne!(named(template), RouteName::UNKNOWN, "{template}");
        }
    }

    #[test]
    fn a_route_has_the_same_name_below_beta_and_an_unknown_one_has_none() {
        assert_eq!(named(&format!("/beta{RUN}")), named(RUN));
        assert_eq!(named("/beta"), named("/"));
        assert_eq!(named("/docs/{file}").as_str(), "/docs");
        assert_eq!(named("/nothing"), RouteName::UNKNOWN);
    }

    #[test]
    fn the_document_has_every_route_with_a_name() {
        let described: BTreeSet<_> = paths().paths.into_keys().collect();
        let names = NAMES.iter().map(|(template, _)| named(template).as_str());
        let names: BTreeSet<_> = names.map(route::openapi_path).collect();
        assert_eq!(described, names);
    }
}
