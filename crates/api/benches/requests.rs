//! What a request costs above the store: routing, the token, JSON in and out, on a store in memory.

#![expect(clippy::unwrap_used, reason = "a benchmark fails on a response of another shape")]

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use divan::{AllocProfiler, Bencher};
use flowruns_api::{
    ApiOptions, CursorKey,
    auth::{KeySet, Permission, TokenPolicy, TokenVerifier},
    router,
};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    id::RunKey,
    service::Environment,
    store::{FlowStore as _, RunStore as _},
};
use flowruns_testing::{
    MemoryStore, fixtures,
    tokens::{SigningKey, claims, key_set},
};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NAME: &str = "bench";
const STATISTICS: &str = include_str!("statistics.json");

fn main() {
    // As in the server: every request is counted.
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.01, 0.1, 1.0, 10.0])
        .unwrap()
        .build_recorder();
    metrics::set_global_recorder(recorder).unwrap();
    divan::main();
}

#[divan::bench]
fn patch_a_run(bencher: Bencher) {
    let mut number = 10_000_000_u64;
    let app = App::start();
    app.bench(bencher, StatusCode::OK, || {
        number += 1;
        let body = format!(
            "{{\"statistics\":{{\"rowsRead\":{number},\"rowsWritten\":{number},\"lastFile\":\"part-{number}.parquet\"}}}}"
        );
        app.request(Method::PATCH, &app.run_path(), body)
    });
}

#[divan::bench]
fn patch_a_run_without_a_change(bencher: Bencher) {
    let app = App::start();
    app.bench(bencher, StatusCode::OK, || {
        app.request(Method::PATCH, &app.run_path(), r#"{"status":"running"}"#.to_owned())
    });
}

#[divan::bench]
fn post_a_run(bencher: Bencher) {
    let app = App::start();
    app.bench(bencher, StatusCode::CREATED, || {
        let body = format!("{{\"displayName\":\"Nightly rosters\",\"statistics\":{STATISTICS}}}");
        app.request(Method::POST, &app.runs_path(), body)
    });
}

#[divan::bench]
fn get_a_run(bencher: Bencher) {
    let app = App::start();
    app.bench(bencher, StatusCode::OK, || app.request(Method::GET, &app.run_path(), String::new()));
}

#[divan::bench]
fn get_a_run_by_its_odata_key(bencher: Bencher) {
    let app = App::start();
    let path = format!("{}('{}')", app.runs_path(), app.run.run);
    app.bench(bencher, StatusCode::OK, || app.request(Method::GET, &path, String::new()));
}

#[divan::bench]
fn refuse_an_unknown_route(bencher: Bencher) {
    let app = App::start();
    app.bench(bencher, StatusCode::NOT_FOUND, || {
        app.request(Method::GET, "/industryData/nothing", String::new())
    });
}

/// The routes on one run.
struct App {
    router: Router,
    runtime: Runtime,
    run: RunKey,
    bearer: String,
}

impl App {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (store, flow) =
            (MemoryStore::default(), fixtures::fresh_flow(fixtures::fresh_tenant()));
        let run = fixtures::run_key(flow.key, 1);
        let mut new = fixtures::new_run();
        new.statistics = fixtures::object(STATISTICS);
        let creation = new.create(run, &fixtures::origin()).unwrap();
        runtime.block_on(async {
            store.create_flow(flow).await.unwrap();
            store.create_run(creation).await.unwrap();
        });
        let (verifier, bearer) = verifier_and_bearer(run);
        let environment = Environment {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
        };
        let cursor_key = CursorKey::new(b"bench");
        let router = router(ApiOptions::new(environment, Arc::new(verifier), cursor_key));
        Self { router, runtime, run, bearer }
    }

    fn runs_path(&self) -> String {
        format!("/industryData/incomingFlows/{}/runs", self.run.flow)
    }

    fn run_path(&self) -> String {
        format!("{}/{}", self.runs_path(), self.run.run)
    }

    fn request(&self, method: Method, path: &str, body: String) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", &self.bearer)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap()
    }

    /// From the request's head to the last byte of the answer.
    fn bench(
        &self,
        bencher: Bencher<'_, '_>,
        expected: StatusCode,
        next: impl FnMut() -> Request<Body>,
    ) {
        bencher.with_inputs(next).bench_local_values(|request| {
            self.runtime.block_on(async {
                let response = self.router.clone().oneshot(request).await.unwrap();
                assert_eq!(response.status(), expected);
                response.into_body().collect().await.unwrap().to_bytes()
            })
        });
    }
}

/// A verifier of a new key, and the header of a token of the run's tenant with every permission.
fn verifier_and_bearer(run: RunKey) -> (TokenVerifier, String) {
    let key = SigningKey::es256(NAME);
    let keys = KeySet::from_jwks(key_set(&[&key]).to_string().as_bytes()).unwrap();
    let policy = TokenPolicy {
        issuer: NAME.to_owned(),
        audiences: vec![NAME.to_owned()],
        leeway_seconds: 0,
    };
    let roles = Permission::ALL.map(Permission::name);
    let token = key.token(&claims(NAME, NAME, run.tenant, &roles));
    (TokenVerifier::new(keys, policy), format!("Bearer {token}"))
}
