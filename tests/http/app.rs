//! The application under test: the routes on a scratch database, with a fixed clock and its own signing key.

mod response;

use std::sync::Arc;
use std::time::Duration;

use axum::{
    Extension, Router,
    body::Body,
    http::{Method, Request, StatusCode},
    response::Response,
};
use flowruns_api::{
    ApiOptions, CursorKey, Draining, Peer, Readiness,
    auth::{KeySet, TokenPolicy, TokenVerifier},
    router,
};
use flowruns_domain::{clock::TimeOrderedIds, service::Environment, timestamp::Timestamp};
use flowruns_persistence::PostgresStore;
use flowruns_testing::{
    FixedClock,
    scratch::ScratchDatabase,
    tokens::{SigningKey, claims, key_set},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

pub(crate) use self::response::TestResponse;

pub(crate) const ISSUER: &str = "test-issuer";
pub(crate) const AUDIENCE: &str = "test-audience";
const KID: &str = "test";
const FLOWS: &str = "/industryData/incomingFlows";

/// The application, and a token of one tenant.
pub(crate) struct App {
    router: Router,
    options: ApiOptions,
    key: Arc<SigningKey>,
    bearer: String,
    pub(crate) tenant: String,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) database: Arc<ScratchDatabase>,
    pub(crate) store: PostgresStore,
}

/// A run of a test.
pub(crate) struct TestRun {
    pub(crate) flow: String,
    pub(crate) id: String,
    pub(crate) url: String,
}

impl TestRun {
    pub(crate) fn list_url(&self) -> String {
        format!("{FLOWS}/{}/runs", self.flow)
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let database = Arc::new(ScratchDatabase::create().await);
        let key = Arc::new(SigningKey::es256(KID));
        let keys = KeySet::from_jwks(key_set(&[&key]).to_string().as_bytes()).unwrap();
        let policy = TokenPolicy {
            issuer: ISSUER.into(),
            audiences: vec![AUDIENCE.into()],
            leeway_seconds: 0,
        };
        let clock = Arc::new(FixedClock::at("2026-03-02T10:00:00Z".parse().unwrap()));
        let store = database.store().await;
        let environment = Environment {
            store: Arc::new(store.clone()),
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(TimeOrderedIds),
        };
        let verifier = Arc::new(TokenVerifier::new(keys, policy));
        let cursor_key = CursorKey::new(b"a secret of the tests");
        let mut options = ApiOptions::new(environment, verifier, cursor_key);
        options.request_timeout = Duration::from_secs(60);
        options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        change(&mut options);
        let tenant = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55".to_owned();
        let mut app = Self {
            router: router(options.clone()),
            options,
            key,
            bearer: String::new(),
            tenant,
            clock,
            database,
            store,
        };
        app.bearer = app.full_bearer();
        app
    }

    /// The header of a token with all permissions, of the same application in every tenant.
    fn full_bearer(&self) -> String {
        let roles = ["IndustryData-InboundFlow.ReadWrite.All"];
        let mut claims = claims(ISSUER, AUDIENCE, &self.tenant, &roles);
        claims["azp"] = json!("tester");
        format!("Bearer {}", self.token(&claims))
    }

    /// The same server with other options.
    pub(crate) fn with_options(&self, change: impl FnOnce(&mut ApiOptions)) -> Self {
        let mut options = self.options.clone();
        change(&mut options);
        Self { router: router(options.clone()), options, ..self.as_tenant(&self.tenant) }
    }

    /// The same server with a token of another tenant.
    pub(crate) fn as_tenant(&self, tenant: &str) -> Self {
        let mut app = Self {
            router: self.router.clone(),
            options: self.options.clone(),
            key: Arc::clone(&self.key),
            bearer: String::new(),
            tenant: tenant.to_owned(),
            clock: Arc::clone(&self.clock),
            database: Arc::clone(&self.database),
            store: self.store.clone(),
        };
        app.bearer = app.full_bearer();
        app
    }

    /// Another server on the same database, with a clock of its own.
    pub(crate) async fn beside(&self, now: Timestamp) -> Self {
        let clock = Arc::new(FixedClock::at(now));
        let store = self.database.store().await;
        let environment = Environment {
            store: Arc::new(store.clone()),
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(TimeOrderedIds),
        };
        let mut options = self.options.clone();
        options.readiness = readiness(&store);
        options.environment = environment;
        Self {
            router: router(options.clone()),
            options,
            key: Arc::clone(&self.key),
            bearer: self.bearer.clone(),
            tenant: self.tenant.clone(),
            clock,
            database: Arc::clone(&self.database),
            store,
        }
    }

    /// The same application on another store, clock or ids.
    pub(crate) fn with_environment(
        mut self,
        change: impl FnOnce(Environment) -> Environment,
    ) -> Self {
        self.options.environment = change(self.options.environment.clone());
        self.router = router(self.options.clone());
        self
    }

    /// Serves the routes on a port of loopback; the address of the server.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    /// A token of the tenant with all permissions.
    pub(crate) fn bearer_token(&self) -> &str {
        self.bearer.strip_prefix("Bearer ").unwrap()
    }

    /// The present moment, as the service shows it.
    pub(crate) fn clock_text(&self) -> String {
        flowruns_domain::clock::Clock::now(&*self.clock).to_string()
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.key.token(claims)
    }

    pub(crate) fn token_with_kid(&self, claims: &Value, kid: Option<&str>) -> String {
        self.key.token_with_header(&json!({"kid": kid}), claims)
    }

    /// Sends exactly these headers.
    pub(crate) async fn send_bare(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> TestResponse {
        let body = Body::from(body.to_owned());
        read(self.begin(method, url, headers, body).await).await
    }

    /// Sends exactly these headers and this body, which may never end; the body of the response is not read.
    pub(crate) async fn begin(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        self.begin_through(self.router.clone(), method, url, headers, body).await
    }

    async fn begin_through(
        &self,
        routes: Router,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let has_token = headers.iter().any(|(name, _)| *name == "authorization");
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers.iter().filter(|header| **header != ("authorization", "")) {
            request = request.header(*name, *value);
        }
        if !has_token {
            request = request.header("authorization", &self.bearer);
        }
        routes.oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Sends a body of any bytes as JSON.
    pub(crate) async fn send_bytes(
        &self,
        method: Method,
        url: &str,
        body: Vec<u8>,
    ) -> TestResponse {
        let headers = [("content-type", "application/json")];
        read(self.begin(method, url, &headers, Body::from(body)).await).await
    }

    /// A GET that came from this address.
    pub(crate) async fn get_from(
        &self,
        peer: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> TestResponse {
        self.send_from(peer, Method::GET, url, headers, "").await
    }

    /// As [`send_bare`](Self::send_bare), from this address.
    pub(crate) async fn send_from(
        &self,
        peer: &str,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> TestResponse {
        let routes = self.router.clone().layer(Extension(Peer(peer.parse().unwrap())));
        let body = Body::from(body.to_owned());
        let response = self.begin_through(routes, method, url, headers, body).await;
        read(response).await
    }

    /// Sends JSON with the token of the tenant.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> TestResponse {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.send_bare(method, url, &all, body).await
    }

    pub(crate) async fn get(&self, url: &str) -> TestResponse {
        self.send_bare(Method::GET, url, &[], "").await
    }

    pub(crate) async fn delete(&self, url: &str) -> TestResponse {
        self.send_bare(Method::DELETE, url, &[], "").await
    }

    pub(crate) async fn patch(&self, url: &str, body: Value) -> TestResponse {
        self.send(Method::PATCH, url, &[], &body.to_string()).await
    }

    pub(crate) async fn post(&self, url: &str, body: Value) -> TestResponse {
        self.send(Method::POST, url, &[], &body.to_string()).await
    }

    /// A new flow's id.
    pub(crate) async fn flow(&self) -> String {
        let response = self.post(FLOWS, json!({"displayName": "Flow"})).await;
        response.json["id"].as_str().unwrap().to_owned()
    }

    /// A new run of a new flow.
    pub(crate) async fn run(&self, body: Value) -> TestRun {
        let flow = self.flow().await;
        self.run_of(&flow, body).await
    }

    /// A new run of a flow.
    pub(crate) async fn run_of(&self, flow: &str, body: Value) -> TestRun {
        let response = self.post(&format!("{FLOWS}/{flow}/runs"), body).await;
        assert_eq!(response.status, StatusCode::CREATED, "{}", response.body);
        let id = response.json["id"].as_str().unwrap().to_owned();
        TestRun { flow: flow.to_owned(), url: format!("{FLOWS}/{flow}/runs/{id}"), id }
    }

    /// The whole history of a run.
    pub(crate) async fn history(&self, run_url: &str) -> Vec<Value> {
        let response = self.get(&format!("{run_url}/history?$top=1000")).await;
        response.json["value"].as_array().unwrap().clone()
    }
}

/// The whole response.
pub(crate) async fn read(response: Response) -> TestResponse {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let json = serde_json::from_str(&body).unwrap_or(Value::Null);
    TestResponse { status: parts.status, headers: parts.headers, body, json }
}

fn readiness(store: &PostgresStore) -> Readiness {
    Readiness::new(Arc::new(store.clone()), Draining::default())
}
