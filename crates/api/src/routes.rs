//! The whole URL table. Each route is served at the root and below `/beta`; key_path makes one form of each key.

use std::sync::Arc;

use axum::{Router, middleware, routing::get};
use tower::{Layer as _, util::MapRequestLayer};

use crate::{
    error::{method_not_allowed, route_not_found},
    flows, health, observe,
    odata::key_path,
    runs,
    state::{Api, ApiOptions},
};

/// The routes, ready to be served.
pub fn router(options: ApiOptions) -> Router {
    let api = Arc::new(Api::new(options));
    let routes = Router::new()
        .merge(resources())
        .nest("/beta", resources())
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(route_not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(observe::note_route))
        .with_state(Arc::clone(&api));
    let rewritten = MapRequestLayer::new(key_path::rewrite).layer(routes);
    Router::new()
        .fallback_service(rewritten)
        .layer(middleware::from_fn_with_state(api, observe::observe))
}

fn resources() -> Router<Arc<Api>> {
    const FLOWS: &str = "/industryData/incomingFlows";
    const ALL_RUNS: &str = "/industryData/runs";
    let run_list = || get(runs::list_runs).post(runs::create_run);
    let run = || {
        get(runs::get_run)
            .patch(runs::patch_run)
            .delete(runs::delete_run)
    };
    Router::new()
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
