//! An issuer of tokens on loopback, over HTTP. A test decides what it responds, and it records the requests.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::tokens::{SigningKey, key_set};

/// Where the discovery document is.
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// Where the key set is.
pub const KEYS_PATH: &str = "/keys";

/// The pause between two bytes of [`IssuerResponse::Drip`].
const DRIP: Duration = Duration::from_millis(20);
/// A part of [`IssuerResponse::Endless`].
const CHUNK: &[u8] = &[b' '; 16 * 1024];

/// The response to a request.
#[derive(Clone, Debug)]
pub enum IssuerResponse {
    /// 200 and this JSON.
    Json(Value),
    /// 200 and these bytes.
    Bytes(Vec<u8>),
    /// This status, with no body.
    Status(u16),
    /// 302 to this URL.
    Redirect(String),
    /// No response, and the connection stays open.
    Silence,
    /// 200 and an endless body of white space.
    Endless,
    /// 200 and an endless body of white space, byte by byte.
    Drip,
}

/// The issuer; it ends when this is dropped.
pub struct LocalIssuer {
    state: Arc<IssuerState>,
    origin: String,
    task: JoinHandle<()>,
}

struct IssuerState {
    document: Mutex<IssuerResponse>,
    keys: Mutex<IssuerResponse>,
    requests: watch::Sender<Vec<String>>,
}

impl LocalIssuer {
    /// An issuer on a free port, with a right discovery document and no keys yet.
    ///
    /// # Panics
    ///
    /// When loopback cannot be listened on.
    #[expect(clippy::expect_used, reason = "a test that cannot continue must fail")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("the address of a listener");
        let origin = format!("http://{address}");
        let state = Arc::new(IssuerState {
            document: Mutex::new(document(&origin, &format!("{origin}{KEYS_PATH}"))),
            keys: Mutex::new(IssuerResponse::Json(key_set(&[]))),
            requests: watch::Sender::default(),
        });
        let routes = Router::new().fallback(respond).with_state(Arc::clone(&state));
        let task = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap_or_default();
        });
        Self { state, origin, task }
    }

    /// The claim `iss` of its tokens, which is also the root of its URLs.
    pub fn name(&self) -> &str {
        &self.origin
    }

    /// The URL of the key set.
    pub fn keys_url(&self) -> String {
        format!("{}{KEYS_PATH}", self.origin)
    }

    /// Responds with these keys from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.set_keys(IssuerResponse::Json(key_set(keys)));
    }

    /// Sets the response to a request for the key set.
    pub fn set_keys(&self, response: IssuerResponse) {
        *lock(&self.state.keys) = response;
    }

    /// Sets the response to a request for the discovery document.
    pub fn set_document(&self, response: IssuerResponse) {
        *lock(&self.state.document) = response;
    }

    /// The paths that were requested so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.borrow().clone()
    }

    /// How often the key set was requested.
    pub fn fetches(&self) -> usize {
        fetches(&self.requests())
    }

    /// Waits until the key set is requested once more.
    pub fn next_fetch(&self) -> impl Future<Output = ()> + use<> {
        let mut requests = self.state.requests.subscribe();
        let before = fetches(&requests.borrow_and_update());
        async move {
            // The sender lives as long as the issuer does.
            let _more = requests.wait_for(|requests| fetches(requests) > before).await;
        }
    }
}

impl Drop for LocalIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A discovery document that names this issuer and this URL of its keys.
pub fn document(issuer: &str, jwks_uri: &str) -> IssuerResponse {
    IssuerResponse::Json(json!({"issuer": issuer, "jwks_uri": jwks_uri}))
}

fn fetches(requests: &[String]) -> usize {
    requests.iter().filter(|path| *path == KEYS_PATH).count()
}

fn lock(response: &Mutex<IssuerResponse>) -> MutexGuard<'_, IssuerResponse> {
    response.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn respond(State(state): State<Arc<IssuerState>>, request: Request) -> Response {
    let path = request.uri().path();
    let response = match path {
        DISCOVERY_PATH => lock(&state.document).clone(),
        KEYS_PATH => lock(&state.keys).clone(),
        _ => IssuerResponse::Status(404),
    };
    state.requests.send_modify(|requests| requests.push(path.to_owned()));
    match response {
        IssuerResponse::Json(json) => json.to_string().into_response(),
        IssuerResponse::Bytes(bytes) => bytes.into_response(),
        IssuerResponse::Status(status) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        IssuerResponse::Redirect(to) => {
            (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
        }
        IssuerResponse::Silence => std::future::pending().await,
        IssuerResponse::Endless => {
            let chunk = Ok::<_, Infallible>(Bytes::from_static(CHUNK));
            Body::from_stream(stream::repeat(chunk)).into_response()
        }
        IssuerResponse::Drip => Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(DRIP).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
        }))
        .into_response(),
    }
}
