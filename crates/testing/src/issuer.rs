//! An issuer of tokens on loopback, over HTTP. A test decides what it responds, and it records the requests.

mod people;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use self::people::Codes;
pub use self::people::{AUTHORIZATION_PATH, END_SESSION_PATH, People, TOKEN_PATH};
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
    /// This status and this JSON.
    JsonWithStatus(u16, Value),
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
    origin: String,
    people: Mutex<Option<People>>,
    codes: Mutex<Codes>,
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
            origin: origin.clone(),
            people: Mutex::new(None),
            codes: Mutex::default(),
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

    /// Signs people in from now on, and publishes the key and a document that names the pages for it.
    pub fn sign_in(&self, people: People) {
        self.publish(&[&people.key]);
        self.set_document(IssuerResponse::Json(people.document(&self.origin)));
        *lock(&self.state.people) = Some(people);
    }

    /// Changes how people are signed in. The document and the keys stay as they are.
    ///
    /// # Panics
    ///
    /// Before [`Self::sign_in`].
    #[expect(clippy::expect_used, reason = "a test that cannot continue must fail")]
    pub fn change_people(&self, change: impl FnOnce(&mut People)) {
        change(lock(&self.state.people).as_mut().expect("an issuer that signs people in"));
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

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The response to a request for one of the pages at which people sign in.
async fn people_response(state: &IssuerState, request: Request) -> IssuerResponse {
    let (parts, body) = request.into_parts();
    let form = to_bytes(body, MAX_FORM_BYTES).await.unwrap_or_default();
    let credentials =
        parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let people = lock(&state.people);
    match (parts.uri.path(), &*people) {
        (AUTHORIZATION_PATH, Some(people)) => {
            people.authorize(parts.uri.query().unwrap_or_default(), &state.codes)
        }
        (TOKEN_PATH, Some(people)) => {
            people.exchange(&state.origin, credentials, &form, &state.codes)
        }
        (END_SESSION_PATH, Some(_)) => IssuerResponse::Json(json!({"signedOut": true})),
        (_, _) => IssuerResponse::Status(404),
    }
}

async fn respond(State(state): State<Arc<IssuerState>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let response = match path.as_str() {
        DISCOVERY_PATH => lock(&state.document).clone(),
        KEYS_PATH => lock(&state.keys).clone(),
        _ => people_response(&state, request).await,
    };
    state.requests.send_modify(|requests| requests.push(path));
    match response {
        IssuerResponse::Json(json) => json.to_string().into_response(),
        IssuerResponse::JsonWithStatus(status, json) => {
            (StatusCode::from_u16(status).unwrap_or_default(), json.to_string()).into_response()
        }
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
