//! The routes on a store in memory, and what must hold of every response.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri},
};
use flowruns_api::{
    ApiOptions, CursorKey, Peer,
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
use proptest::{prop_assert, test_runner::TestCaseError};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

pub(crate) const FLOWS: &str = "/industryData/incomingFlows";
pub(crate) const NAME: &str = "fuzz";
/// Far longer than any request takes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// The routes on one run, and a token of its tenant.
pub(crate) struct App {
    router: Router,
    runtime: Runtime,
    pub(crate) run: RunKey,
    pub(crate) verifier: Arc<TokenVerifier>,
    pub(crate) token: String,
}

/// A response whose body was read.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) json: Value,
}

impl App {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
        let (store, run) = (MemoryStore::default(), fixtures::run_key(flow.key, 1));
        let creation = fixtures::new_run().create(run, &fixtures::origin());
        runtime.block_on(async {
            store.create_flow(flow).await.unwrap();
            store.create_run(creation.unwrap()).await.unwrap();
        });
        let (verifier, token) = verifier_and_token(run);
        let verifier = Arc::new(verifier);
        let environment = Environment {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
        };
        let cursor_key = CursorKey::new(NAME.as_bytes());
        let mut options = ApiOptions::new(environment, Arc::clone(&verifier), cursor_key);
        options.max_body_bytes = 64 * 1024;
        options.request_timeout = REQUEST_TIMEOUT;
        options.body_timeout = Duration::from_secs(30);
        options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        // The headers of a proxy are read only if it is trusted.
        let peer = Extension(Peer("127.0.0.1".parse().unwrap()));
        Self { router: router(options).layer(peer), runtime, run, verifier, token }
    }

    pub(crate) fn flow_path(&self) -> String {
        format!("{FLOWS}/{}", self.run.flow)
    }

    pub(crate) fn runs_path(&self) -> String {
        format!("{}/runs", self.flow_path())
    }

    pub(crate) fn run_path(&self) -> String {
        format!("{}/{}", self.runs_path(), self.run.run)
    }

    /// Sends JSON with the token. `None` when the path is not a URI, which cannot be sent.
    pub(crate) fn send(
        &self,
        method: &Method,
        uri: &[u8],
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Option<TestResponse>, TestCaseError> {
        let Ok(uri) = Uri::try_from(uri) else {
            return Ok(None);
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        let own = request.headers_mut();
        let bearer = format!("Bearer {}", self.token);
        own.insert("authorization", HeaderValue::try_from(bearer).unwrap());
        own.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, _) in headers {
            own.remove(name);
        }
        own.extend(headers.iter().cloned().map(|(n, v)| (Some(n), v)));
        let response = self.response(request);
        is_sound(method, &response)?;
        Ok(Some(response))
    }

    /// Sends it to a valid path.
    pub(crate) fn sent(
        &self,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<TestResponse, TestCaseError> {
        Ok(self.send(method, path.as_bytes(), &[], body)?.unwrap())
    }

    fn response(&self, request: Request<Body>) -> TestResponse {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            TestResponse { status, json: serde_json::from_slice(&body).unwrap_or_default() }
        })
    }
}

/// Whether a response is never 5xx, and an error has its code and a message.
fn is_sound(method: &Method, response: &TestResponse) -> Result<(), TestCaseError> {
    prop_assert!(!response.status.is_server_error(), "{response:?}");
    if response.status.is_client_error() && method != Method::HEAD {
        let error = &response.json["error"];
        prop_assert!(error["code"].is_string(), "{response:?}");
        let message = error["message"].as_str().unwrap_or_default();
        prop_assert!(!message.is_empty(), "{response:?}");
    }
    Ok(())
}

/// A verifier of a new key, and a token of the run's tenant with every permission.
fn verifier_and_token(run: RunKey) -> (TokenVerifier, String) {
    let key = SigningKey::es256(NAME);
    let keys = KeySet::from_jwks(key_set(&[&key]).to_string().as_bytes()).unwrap();
    let policy = TokenPolicy {
        issuer: NAME.to_owned(),
        audiences: vec![NAME.to_owned()],
        leeway_seconds: 0,
    };
    let roles = Permission::ALL.map(Permission::name);
    let token = key.token(&claims(NAME, NAME, run.tenant, &roles));
    (TokenVerifier::new(keys, policy), token)
}
