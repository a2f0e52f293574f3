//! The table of routes. Each page is one entry: its path, which is its name in metrics too, its method and its handler. A page
//! has a twin as JSON at its path with `.json`.

mod route;

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use flowruns_http::{RequestContext, RouteName};
use tower::ServiceExt as _;

use self::route::{Route, problem_response};
use crate::{
    assets,
    context::{CONTEXT, PageContext, Representation, Session},
    links,
    live::{Live, LiveOptions, RoutedViews},
    options::{Dashboard, DashboardOptions},
    pages,
    problem::Problem,
    request::contexts,
    visitor::VisitorPath,
};

/// After this many seconds a page that says that the server is away loads itself again.
const RELOAD_SECONDS: u32 = 5;

/// All routes.
fn table() -> Vec<Route> {
    vec![
        Route::page(links::OVERVIEW, pages::overview::get),
        Route::page(links::FLOW, pages::flow::get),
        Route::page(links::FLOW_RUNS, pages::flow::get_runs),
        Route::page(links::RUN, pages::run::get),
        Route::page(links::RUNS, pages::runs::get),
        Route::page(links::RUNS_CSV, pages::runs::get_csv),
        Route::page(links::TIMELINE, pages::timeline::get),
        Route::page(links::END, pages::end::get).with_form(pages::end::post),
        Route::page(links::REPORT, pages::report::get),
        Route::page(links::GO, pages::go::get),
        Route::open_form(links::PREFERENCES, pages::preferences::post),
        Route::gate(links::SIGN_IN, &Method::GET, VisitorPath::SignIn),
        Route::gate("/ui/callback", &Method::GET, VisitorPath::Callback),
        Route::gate("/ui/open", &Method::GET, VisitorPath::Open),
        Route::gate(links::SIGN_OUT, &Method::POST, VisitorPath::SignOut),
        Route::stream(links::STREAM, pages::stream::get),
        Route::open("/ui/a/{digest}/{file}", get_file),
    ]
}

/// The template of each route.
static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| table().iter().map(Route::template).collect());

/// The number of routes.
pub(crate) fn count() -> usize {
    NAMES.len()
}

/// Notes the route of a request.
pub(crate) fn note_route(context: &RequestContext, matched: Option<&MatchedPath>) {
    let mut names = NAMES.iter().enumerate();
    let found = matched.and_then(|matched| names.find(|(_, name)| **name == matched.as_str()));
    context.note_route(found.map_or(RouteName::UNKNOWN, |(at, name)| RouteName::new(at, name)));
}

/// The routes at `/ui` and below. A router with another fallback can have them beside its own routes.
pub fn router(options: DashboardOptions) -> Router {
    let dashboard = Arc::new(Dashboard::new(options));
    let routes = table().into_iter().fold(Router::new(), |router, route| route.mount(router));
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&dashboard));
    let live = live(&dashboard.options, routes.clone());
    let service = tower::service_fn(move |mut request: Request| {
        let (dashboard, routes) = (Arc::clone(&dashboard), routes.clone());
        request.extensions_mut().insert(Arc::clone(&live));
        async move { Ok::<_, Infallible>(respond(&dashboard, routes, request).await) }
    });
    let paths = ["/ui", "/ui/", "/ui.json", "/ui/{*rest}"];
    paths
        .into_iter()
        .fold(Router::new(), |router, path| router.route_service(path, service.clone()))
}

/// The live pages. They render pages through these routes.
fn live(options: &DashboardOptions, routes: Router) -> Arc<Live> {
    let live = LiveOptions {
        limits: options.live,
        key: options.view_key.clone(),
        clock: Arc::clone(&options.environment.clock),
        admission: Arc::clone(&options.admission),
        draining: options.draining.clone(),
    };
    Live::new(live, Arc::new(RoutedViews { routes, limits: options.live }))
}

async fn respond(dashboard: &Dashboard, routes: Router, request: Request) -> Response {
    let trusted = &dashboard.options.pipeline.trusted_proxies;
    let is_safe = request.method().is_safe();
    let (page, request) = PageContext::take_from(request, trusted);
    let handler = |mut request: Request| async move {
        // The inner router would append its template to that of the outer one.
        request.extensions_mut().remove::<MatchedPath>();
        let Ok(response) = routes.oneshot(request).await;
        response
    };
    let served = dashboard.pipeline.serve(request, handler);
    let mut response = CONTEXT.scope(Arc::clone(&page), served).await;
    let is_away = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    if is_away && is_safe && page.representation == Representation::Html {
        response.headers_mut().insert(header::REFRESH, HeaderValue::from(RELOAD_SECONDS));
    }
    response
}

async fn get_file(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Response {
    let path = request.uri().path().strip_prefix("/ui/a/").and_then(|path| path.split_once('/'));
    let found = path.and_then(|(digest, name)| assets::file(digest, name, request.headers()));
    match found {
        Some(response) => response,
        None => not_found(State(dashboard), request).await,
    }
}

async fn not_found(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Response {
    let parts = request.into_parts().0;
    note_visitor(&dashboard, &parts);
    problem_response(Problem::no_page(), &parts, &dashboard)
}

async fn method_not_allowed(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Response {
    let parts = request.into_parts().0;
    if let Ok((context, _)) = contexts(&parts) {
        note_route(&context, parts.extensions.get());
    }
    note_visitor(&dashboard, &parts);
    problem_response(Problem::method_not_allowed(&parts.method), &parts, &dashboard)
}

/// Notes who sent a request that no page reads, so that its response has the navigation.
fn note_visitor(dashboard: &Dashboard, parts: &Parts) {
    let DashboardOptions { gate, environment, .. } = &dashboard.options;
    let visitor = gate.visitor(&parts.headers, environment.clock.now());
    if let (Ok(visitor), Ok((_, page))) = (visitor, contexts(parts)) {
        let form_token = gate.form_token(&visitor);
        page.note_session(Session { visitor, form_token });
    }
}
