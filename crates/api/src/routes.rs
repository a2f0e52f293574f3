//! The whole URL table. Each route is served at the root and below `/beta`; key_path makes one form of each key.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Extension, Router, middleware,
    routing::{get, post},
};

use crate::{
    batch::{ItemRoutes, post_batch},
    docs,
    fallback::{method_not_allowed, route_not_found},
    flows, health, metadata, observe, runs,
    state::{Api, ApiOptions},
};

/// The routes, ready to be served.
pub fn router(options: ApiOptions) -> Router {
    let api = Arc::new(Api::new(options));
    let items = complete(everything(), &api);
    let batch = || post(post_batch).layer(Extension(ItemRoutes(items.clone())));
    let routes = everything()
        .route("/$batch", batch())
        .route("/beta/$batch", batch());
    // Around the routes rather than on each: `observe` changes the path by which one is found.
    Router::new()
        .fallback_service(complete(routes, &api))
        .layer(middleware::from_fn_with_state(api, observe::observe))
}

fn complete(routes: Router<Arc<Api>>, api: &Arc<Api>) -> Router {
    routes
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(api))
}

/// All but the batch, whose items go here.
fn everything() -> Router<Arc<Api>> {
    Router::new()
        .merge(resources())
        .nest("/beta", resources())
        .merge(descriptions())
}

/// What needs no token.
fn descriptions() -> Router<Arc<Api>> {
    let root = || get(metadata::get_service_document);
    let metadata = || get(metadata::get_metadata);
    let of_a_flow = |root| format!("{root}{FLOWS}/{{flow}}/$metadata");
    Router::new()
        .route("/", root())
        .route("/beta", root())
        .route("/beta/", root())
        .route("/$metadata", metadata())
        .route("/beta/$metadata", metadata())
        .route(&of_a_flow(""), get(metadata::get_flow_metadata))
        .route(&of_a_flow("/beta"), get(metadata::get_flow_metadata))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::page))
        .route("/docs/{file}", get(docs::page_file))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route_layer(middleware::from_fn(observe::note_route))
}

const FLOWS: &str = "/industryData/incomingFlows";

fn resources() -> Router<Arc<Api>> {
    const ALL_RUNS: &str = "/industryData/runs";
    let run_list = || get(runs::list_runs).post(runs::create_run);
    let run = || {
        get(runs::get_run)
            .patch(runs::patch_run)
            .delete(runs::delete_run)
    };
    Router::new()
        .route("/industryData", get(metadata::get_hub))
        .route(FLOWS, get(flows::list_flows).post(flows::create_flow))
        .route(
            &format!("{FLOWS}/{{flow}}"),
            get(flows::get_flow)
                .patch(flows::patch_flow)
                .delete(flows::delete_flow),
        )
        .route(&format!("{FLOWS}/$count"), get(flows::count_flows))
        .route(ALL_RUNS, get(runs::list_all_runs))
        .route(&format!("{ALL_RUNS}/$count"), get(runs::count_all_runs))
        .route(&format!("{ALL_RUNS}/{{run}}"), get(runs::get_run_by_id))
        .route(&format!("{FLOWS}/{{flow}}/runs"), run_list())
        .route(
            &format!("{FLOWS}/{{flow}}/runs/$count"),
            get(runs::count_runs),
        )
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/process/runs/$count"),
            get(runs::count_runs),
        )
        .route(&format!("{FLOWS}/{{flow}}/runs/{{run}}"), run())
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/history"),
            get(runs::list_history),
        )
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/process"),
            get(runs::get_process),
        )
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/process/runs"),
            run_list(),
        )
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/process/runs/{{target}}"),
            run(),
        )
        .route(
            &format!("{FLOWS}/{{flow}}/runs/{{run}}/process/runs/{{target}}/history"),
            get(runs::list_history),
        )
}
