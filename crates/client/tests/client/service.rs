//! The service: its routes on a store in memory.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
};
use flowruns_api::{
    ApiOptions, CursorKey,
    auth::{KeySet, Permission, TokenPolicy, TokenVerifier},
    router,
};
use flowruns_client::{ClientBuilder, FixedToken, FlowId, Run, RunAddress};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    service::Environment,
};
use flowruns_testing::{
    MemoryStore, fixtures,
    tokens::{SigningKey, claims, key_set},
};
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tower::ServiceExt as _;

use crate::proxy::Proxy;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "flowruns";
pub(crate) const ORIGIN: &str = "http://127.0.0.1:1";

/// The service, and a token that may do everything.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    key: Arc<SigningKey>,
    tenant: String,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::with(|_options| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let key = Arc::new(SigningKey::es256("test"));
        let keys = KeySet::from_jwks(key_set(&[&key]).to_string().as_bytes()).unwrap();
        let policy = TokenPolicy {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            leeway_seconds: 60,
        };
        let environment = Environment {
            store: Arc::new(MemoryStore::default()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
        };
        let verifier = Arc::new(TokenVerifier::new(keys, policy));
        let mut options = ApiOptions::new(environment, verifier, CursorKey::new(b"a secret"));
        change(&mut options);
        Self { router: router(options), key, tenant: fixtures::fresh_tenant().to_string() }
    }

    /// A token with one permission.
    pub(crate) fn token(&self, permission: Permission) -> String {
        self.key.token(&claims(ISSUER, AUDIENCE, &self.tenant, &[permission.name()]))
    }

    pub(crate) fn full_token(&self) -> String {
        self.token(Permission::WriteFlows)
    }

    /// Calls the routes without the proxy.
    pub(crate) async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (mut head, body) = request.into_parts();
        head.headers.insert(header::HOST, "127.0.0.1:1".parse().unwrap());
        let request = Request::from_parts(head, Body::from(body));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Sends JSON without the client. The status, and the body or null.
    pub(crate) async fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{ORIGIN}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.full_token()))
            .header(header::CONTENT_TYPE, "application/json");
        let response = self.call(request.body(body).unwrap()).await;
        let json = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), json)
    }

    pub(crate) async fn create_flow(&self, name: &str) -> FlowId {
        let body = json!({"displayName": name});
        let (status, body) = self.json("POST", "/industryData/incomingFlows", body).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().parse().unwrap()
    }

    /// A run as it is stored; null when there is none.
    pub(crate) async fn run(&self, address: RunAddress) -> Value {
        let RunAddress { flow, run } = address;
        let path = format!("/industryData/incomingFlows/{flow}/runs/{run}");
        match self.json("GET", &path, Value::Null).await {
            (200, body) => body,
            (404, _) => Value::Null,
            other => panic!("{other:?}"),
        }
    }

    /// The stored status; empty when there is no such run.
    pub(crate) async fn status(&self, address: RunAddress) -> String {
        self.run(address).await["status"].as_str().unwrap_or_default().to_owned()
    }

    /// The history of a run, oldest first.
    pub(crate) async fn history(&self, address: RunAddress) -> Vec<Value> {
        let RunAddress { flow, run } = address;
        let path = format!("/industryData/incomingFlows/{flow}/runs/{run}/history?$top=1000");
        let (status, body) = self.json("GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().clone()
    }

    /// A client behind a new proxy, on the runtime of the test.
    pub(crate) fn builder(&self) -> (ClientBuilder, Arc<Proxy>) {
        let proxy = Arc::new(Proxy::new(self.clone()));
        let builder = flowruns_client::Client::builder(ORIGIN.parse().unwrap())
            .tokens(FixedToken::new(&self.full_token()).unwrap())
            .transport(Arc::clone(&proxy))
            .runtime(Handle::current());
        (builder, proxy)
    }
}

/// A flow and a client of it.
pub(crate) struct Fixture {
    pub(crate) service: Service,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) client: flowruns_client::Client,
    pub(crate) flow: flowruns_client::Flow,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let service = Service::start();
        let flow = service.create_flow("Flow").await;
        let (builder, proxy) = service.builder();
        let client = change(builder).build().unwrap();
        Self { service, proxy, flow: client.flow_by_id(flow), client }
    }

    /// A run that is stored.
    pub(crate) async fn start(&self) -> Run {
        self.flow.start("Run").await.unwrap()
    }
}
