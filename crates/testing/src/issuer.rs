//! An issuer of tokens on loopback, over HTTP: it rotates its keys, fails, lies and dawdles as it is told, and counts who asks.

mod key;

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

pub use self::key::{SigningKey, encoded};

/// Where the discovery document is.
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// Where the key set is.
pub const KEYS_PATH: &str = "/keys";

/// The pause of an issuer that sends byte by byte.
const DRIP: Duration = Duration::from_millis(20);
/// What an endless answer consists of.
const CHUNK: &[u8] = &[b' '; 16 * 1024];

/// What a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 200 and this JSON.
    Json(Value),
    /// 200 and these bytes.
    Bytes(Vec<u8>),
    /// This status, with no body.
    Status(u16),
    /// 302 to this place.
    Redirect(String),
    /// Nothing, for ever.
    Silence,
    /// 200 and white space without end.
    Endless,
    /// 200 and white space without end, byte by byte.
    Drip,
}

/// The issuer; it ends when this is dropped.
pub struct LocalIssuer {
    told: Arc<Told>,
    origin: String,
    task: JoinHandle<()>,
}

struct Told {
    document: Mutex<Reply>,
    keys: Mutex<Reply>,
    requests: watch::Sender<Vec<String>>,
}

impl LocalIssuer {
    /// An issuer on a free port, with an honest discovery document and no keys yet.
    ///
    /// # Panics
    ///
    /// When loopback cannot be listened on.
    #[expect(clippy::expect_used, reason = "a test that cannot go on shall fail")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("the address of a listener");
        let origin = format!("http://{address}");
        let told = Arc::new(Told {
            document: Mutex::new(document(&origin, &format!("{origin}{KEYS_PATH}"))),
            keys: Mutex::new(Reply::Json(json!({"keys": []}))),
            requests: watch::Sender::default(),
        });
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&told));
        let task = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap_or_default();
        });
        Self { told, origin, task }
    }

    /// The claim `iss` of its tokens, and the root of its URLs.
    pub fn name(&self) -> &str {
        &self.origin
    }

    /// Where its key set is.
    pub fn keys_url(&self) -> String {
        format!("{}{KEYS_PATH}", self.origin)
    }

    /// From now on these are its keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.keys_are(Reply::Json(json!({"keys": keys})));
    }

    /// What the key set is answered with.
    pub fn keys_are(&self, reply: Reply) {
        *lock(&self.told.keys) = reply;
    }

    /// What the discovery document is answered with.
    pub fn document_is(&self, reply: Reply) {
        *lock(&self.told.document) = reply;
    }

    /// The paths that were asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.told.requests.borrow().clone()
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        fetches(&self.requests())
    }

    /// Waits until the key set is asked for once more than now.
    pub fn next_fetch(&self) -> impl Future<Output = ()> + use<> {
        let mut requests = self.told.requests.subscribe();
        let before = fetches(&requests.borrow_and_update());
        async move {
            // The sender lives as long as the issuer does.
            let _more = requests
                .wait_for(|requests| fetches(requests) > before)
                .await;
        }
    }
}

impl Drop for LocalIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A discovery document that names this issuer and this place of its keys.
pub fn document(issuer: &str, jwks_uri: &str) -> Reply {
    Reply::Json(json!({"issuer": issuer, "jwks_uri": jwks_uri}))
}

fn fetches(requests: &[String]) -> usize {
    requests.iter().filter(|path| *path == KEYS_PATH).count()
}

fn lock(reply: &Mutex<Reply>) -> MutexGuard<'_, Reply> {
    reply.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(told): State<Arc<Told>>, request: Request) -> Response {
    let path = request.uri().path();
    let reply = match path {
        DISCOVERY_PATH => lock(&told.document).clone(),
        KEYS_PATH => lock(&told.keys).clone(),
        _ => Reply::Status(404),
    };
    told.requests
        .send_modify(|requests| requests.push(path.to_owned()));
    match reply {
        Reply::Json(json) => json.to_string().into_response(),
        Reply::Bytes(bytes) => bytes.into_response(),
        Reply::Status(status) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Reply::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Reply::Silence => std::future::pending().await,
        Reply::Endless => {
            let chunk = Ok::<_, Infallible>(Bytes::from_static(CHUNK));
            Body::from_stream(stream::repeat(chunk)).into_response()
        }
        Reply::Drip => Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(DRIP).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
        }))
        .into_response(),
    }
}
