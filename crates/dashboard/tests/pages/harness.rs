//! The router of the pages on a store in memory.

use std::{
    collections::HashMap,
    io::Read as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use flowruns_dashboard::{
    DashboardOptions, Gate, LiveLimits, NotSignedIn, SignInMessage, SignInPage, SignInRequest,
    SignInResponse, ViewKey, Visitor, VisitorPath, router,
};
use flowruns_domain::{
    clock::Clock,
    flow::Flow,
    id::{FlowKey, RunKey, TenantId},
    run::{NewRun, Outcome, RunStatus},
    service::Environment,
    store::{FlowStore as _, RunStore as _, Store},
    timestamp::Timestamp,
};
use flowruns_http::{
    Admission, CorsPolicy, Draining, Limits, Peer, PipelineOptions, RequestError, auth::Permission,
};
use flowruns_testing::{FixedClock, MemoryStore, SequentialIds, fixtures};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The value of the forms of every session.
pub(crate) const FORM_TOKEN: &str = "form-token-of-the-session";
/// The time of the tests.
pub(crate) const NOW: &str = "2026-11-27T19:42:05Z";

/// The pages of one server.
pub(crate) struct Site {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FixedClock>,
    /// The tenant of [`get`](Self::get).
    pub(crate) tenant: TenantId,
    pub(crate) admission: Arc<Admission>,
    pub(crate) draining: Draining,
    gate: Arc<FakeGate>,
    router: Router,
}

impl Site {
    /// Pages without rows.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    /// Pages with limits of admission.
    pub(crate) fn with(limits: Limits) -> Self {
        let store = Arc::new(MemoryStore::default());
        Self::on(Arc::clone(&store), store, limits)
    }

    /// Pages on a store that may fail. `rows` has the rows of the tests.
    pub(crate) fn on(rows: Arc<MemoryStore>, store: Arc<dyn Store>, limits: Limits) -> Self {
        let clock = Arc::new(FixedClock::at(fixtures::time(NOW)));
        let gate = Arc::new(FakeGate::default());
        let admission = Arc::new(Admission::new(limits));
        let draining = Draining::default();
        let environment =
            Environment { store, clock: clock.clone(), ids: Arc::new(SequentialIds::default()) };
        let none = HeaderValue::from_static("");
        let pipeline = PipelineOptions {
            clock: clock.clone(),
            ids: Arc::clone(&environment.ids),
            request_timeout: Duration::from_secs(10),
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")],
            cors: CorsPolicy {
                origins: Vec::new(),
                methods: none.clone(),
                request_headers: none.clone(),
                response_headers: none,
            },
            tracer: None,
        };
        let options = DashboardOptions {
            environment,
            gate: Arc::clone(&gate) as _,
            admission: Arc::clone(&admission),
            pipeline,
            draining: draining.clone(),
            live: LiveLimits::default(),
            view_key: ViewKey::new(b"a secret"),
            hosts: vec!["flows.example".to_owned()],
            version: "1.2.3",
        };
        let router = router(options);
        Self {
            store: rows,
            clock,
            tenant: fixtures::fresh_tenant(),
            admission,
            draining,
            gate,
            router,
        }
    }

    /// A person of the tenant of the tests.
    pub(crate) fn visitor(&self, permission: Permission) -> Visitor {
        self.visitor_of(self.tenant, permission)
    }

    /// A person of a tenant.
    pub(crate) fn visitor_of(&self, tenant: TenantId, permission: Permission) -> Visitor {
        Visitor {
            tenant,
            actor: "f3b0-okafor".to_owned(),
            name: "d.okafor".to_owned(),
            permission,
            expires_at: fixtures::time("2026-11-28T07:42:05Z"),
            session: fixtures::fresh_uuid(),
        }
    }

    /// The page at an address, for a person who may change flows.
    pub(crate) async fn get(&self, address: &str) -> Shown {
        self.get_as(&self.visitor(Permission::WriteFlows), address).await
    }

    /// The page at an address, for a person.
    pub(crate) async fn get_as(&self, visitor: &Visitor, address: &str) -> Shown {
        self.send(self.request(Method::GET, visitor, address)).await
    }

    /// Sends a form of a page of a person's session.
    pub(crate) async fn post_as(&self, visitor: &Visitor, address: &str, form: &str) -> Shown {
        let mut request = self.request(Method::POST, visitor, address);
        let headers = request.headers_mut();
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        let form = format!("token={FORM_TOKEN}&{form}");
        *request.body_mut() = Body::from(form);
        self.send(request).await
    }

    /// A request of a person, for tests that change it.
    pub(crate) fn request(
        &self,
        method: Method,
        visitor: &Visitor,
        address: &str,
    ) -> Request<Body> {
        let cookie = format!("a=b; session={}", self.gate.sign_in(visitor));
        let request = Request::builder().method(method).uri(address);
        let request = request.header(header::HOST, "127.0.0.1:8080").header(header::COOKIE, cookie);
        let request = request.extension(Peer([127, 0, 0, 1].into()));
        request.body(Body::empty()).expect("a request")
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Shown {
        let response = self.respond(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let is_compressed =
            parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let body = match is_compressed {
            true => decompressed(&bytes),
            false => String::from_utf8(bytes.to_vec()).expect("a body of text"),
        };
        Shown { status: parts.status, headers: parts.headers, bytes, body }
    }

    /// The response to any request, whose body may be a stream.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("a response")
    }

    /// Stores a flow of the tenant of the tests.
    pub(crate) async fn flow(&self, name: &str) -> FlowKey {
        self.flow_with(name, |_| {}).await
    }

    /// Stores a flow of the tenant of the tests with other properties.
    pub(crate) async fn flow_with(&self, name: &str, change: impl FnOnce(&mut Flow)) -> FlowKey {
        let mut flow = fixtures::fresh_flow(self.tenant);
        flow.properties.display_name = fixtures::name(name);
        change(&mut flow);
        let key = flow.key;
        self.store.create_flow(flow).await.expect("a flow");
        key
    }

    /// Stores a run of a flow: its number, its start and its end. Without an end it is in progress.
    pub(crate) async fn run(
        &self,
        flow: FlowKey,
        number: u64,
        (start, end): (&str, Option<(Outcome, &str)>),
    ) -> RunKey {
        let new = NewRun {
            start: Some(fixtures::time(start)),
            end: end.map(|(_, end)| fixtures::time(end)),
            status: end.map_or(RunStatus::Running, |(outcome, _)| RunStatus::Ended(outcome)),
            ..fixtures::new_run()
        };
        self.run_of(flow, number, new).await
    }

    /// Stores a run of a flow.
    pub(crate) async fn run_of(&self, flow: FlowKey, number: u64, new: NewRun) -> RunKey {
        self.run_at(fixtures::run_key(flow, number), new).await
    }

    /// Stores a run with this key.
    pub(crate) async fn run_at(&self, key: RunKey, new: NewRun) -> RunKey {
        let received = new.end.or(new.start).unwrap_or_else(|| self.clock.now());
        let created = new.create(key, &fixtures::origin_at(received)).expect("a valid run");
        self.store.create_run(created).await.expect("a run");
        key
    }
}

fn decompressed(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("gzip");
    text
}

/// A response.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// As they are on the wire.
    pub(crate) bytes: Bytes,
    /// As text, decompressed.
    pub(crate) body: String,
}

impl Shown {
    /// A header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The content of a page with status 200.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// The JSON of a page with status 200.
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }
}

/// Knows each visitor by the id of the session, which is the value of the cookie `session`.
#[derive(Default)]
struct FakeGate {
    visitors: Mutex<HashMap<Uuid, Visitor>>,
}

impl FakeGate {
    fn sign_in(&self, visitor: &Visitor) -> Uuid {
        let mut visitors = self.visitors.lock().expect("no panic");
        visitors.insert(visitor.session, visitor.clone());
        visitor.session
    }
}

#[async_trait]
impl Gate for FakeGate {
    fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Visitor, NotSignedIn> {
        let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let mut pairs = cookies.into_iter().flat_map(|cookies| cookies.split("; "));
        let id = pairs.find_map(|pair| pair.strip_prefix("session="));
        let id: Option<Uuid> = id.and_then(|id| id.parse().ok());
        let visitors = self.visitors.lock().expect("no panic");
        let visitor = id.and_then(|id| visitors.get(&id)).ok_or(NotSignedIn::NoSession)?;
        match visitor.expires_at > now {
            true => Ok(visitor.clone()),
            false => Err(NotSignedIn::Expired),
        }
    }

    fn form_token(&self, _visitor: &Visitor) -> String {
        FORM_TOKEN.to_owned()
    }

    fn is_form_token(&self, _visitor: &Visitor, token: &str) -> bool {
        token == FORM_TOKEN
    }

    async fn respond(&self, request: SignInRequest) -> Result<SignInResponse, RequestError> {
        Ok(match request.path {
            VisitorPath::SignIn => SignInResponse::Page(SignInPage {
                next: "/ui/runs?status=failed".to_owned(),
                start: None,
                message: Some(SignInMessage::SignedOut),
                sign_out: None,
            }),
            VisitorPath::SignOut => SignInResponse::Redirect {
                location: format!("{}/ui/sign-in", request.origin.prefix()),
                cookies: vec![HeaderValue::from_static("session=; Max-Age=0")],
                clears_cache: true,
            },
            VisitorPath::Callback | VisitorPath::Open => {
                return Err(RequestError::bad_request("badCode", "This link is not valid."));
            }
        })
    }
}

/// How many shapes the path of this class has.
pub(crate) fn shapes(html: &str, class: &str) -> usize {
    let path = html.split_once(&format!("<path class=\"{class}\" d=\"")).expect(class).1;
    path.split('"').next().unwrap_or_default().matches('M').count()
}
