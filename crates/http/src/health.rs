//! `/livez` and `/readyz`: whether the process is alive, and whether it can serve. Plain text, without a token.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use flowruns_domain::store::{NotReady, Store};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};

/// How long the store may take to answer a check: probes give up after about two seconds.
const CHECK_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the result that the store is ready is reused. The result that it is not ready is shared only with the probes
/// that were waiting for it, so that a recovery is seen at once.
const READY_TTL: Duration = Duration::from_secs(1);

/// Whether the server is draining: it finishes the requests in flight, and load balancers must send it no more. Clones share
/// the state.
///
/// ```
/// let draining = flowruns_http::Draining::default();
/// let clone_of_the_routes = draining.clone();
/// draining.begin();
/// assert!(clone_of_the_routes.is_draining());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<watch::Sender<bool>>);

impl Draining {
    /// Begins to drain: `/readyz` answers 503 from now on.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether draining has begun.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when draining begins, at once if it has begun.
    pub async fn begun(&self) {
        // The sender lives as long as this value.
        let mut state = self.0.subscribe();
        let _has_begun = state.wait_for(|has_begun| *has_begun).await;
    }
}

/// A condition that must hold for the server to be ready.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Check {
    /// The database responds.
    Database,
    /// The database accepts writes: it is not a standby.
    Primary,
    /// Every database session that serving needs can be opened.
    Sessions,
    /// The encoding of the database is UTF8, and no migration is pending or changed.
    Schema,
    /// The server is not draining.
    Draining,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 5] =
        [Self::Database, Self::Primary, Self::Sessions, Self::Schema, Self::Draining];

    /// The name in metrics and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Primary => "primary",
            Self::Sessions => "sessions",
            Self::Schema => "schema",
            Self::Draining => "draining",
        }
    }
}

/// The check that failed, and a message without secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unready {
    /// Which check failed.
    pub check: Check,
    /// The body of the response to the probe.
    pub message: String,
}

/// Checks whether the server can serve now. Clones share the last result.
#[derive(Clone)]
pub struct Readiness {
    store: Arc<dyn Store>,
    draining: Draining,
    last: Arc<Last>,
}

#[derive(Default)]
struct Last {
    found: RwLock<Option<(Instant, Option<Unready>)>>,
    /// Held while the store is checked.
    checking: Mutex<()>,
}

impl Readiness {
    /// The readiness of a server on this store.
    pub fn new(store: Arc<dyn Store>, draining: Draining) -> Self {
        Self { store, draining, last: Arc::default() }
    }

    /// The check that fails, if any. Concurrent callers share one check of the store, which takes 1.5 s at most, and after the
    /// store was ready it is not checked again for 1 s.
    pub async fn check(&self) -> Option<Unready> {
        if self.draining.is_draining() {
            return Some(Unready { check: Check::Draining, message: "draining".to_owned() });
        }
        let arrived = Instant::now();
        if let Some(found) = self.last.known(arrived) {
            return found;
        }
        let _guard = self.last.checking.lock().await;
        if let Some(found) = self.last.known(arrived) {
            return found;
        }
        let found = self.check_store().await;
        self.last.keep(found.clone());
        found
    }

    /// The response to `/readyz`: 200 while the server can serve, else 503 and the reason.
    pub async fn response(&self) -> (StatusCode, String) {
        match self.check().await {
            None => (StatusCode::OK, "ok\n".to_owned()),
            Some(Unready { message, .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("{message}\n"))
            }
        }
    }

    async fn check_store(&self) -> Option<Unready> {
        let unready = |check, message| Some(Unready { check, message });
        let failure = match timeout(CHECK_TIMEOUT, self.store.check()).await {
            Ok(Ok(())) => return None,
            Ok(Err(failure)) => failure,
            Err(_elapsed) => {
                let message = "the database does not answer".to_owned();
                return unready(Check::Database, message);
            }
        };
        let check = match &failure {
            NotReady::Unavailable(error) => {
                let cause = error.source.as_ref().map(tracing::field::display);
                tracing::debug!(cause, "the store is unavailable");
                Check::Database
            }
            NotReady::Standby => Check::Primary,
            NotReady::NoSession { source, .. } => {
                let cause = source.source.as_ref().map(tracing::field::display);
                tracing::debug!(cause, "a session cannot be opened");
                Check::Sessions
            }
            NotReady::Encoding(_) | NotReady::Pending(_) | NotReady::Changed(_) => Check::Schema,
        };
        unready(check, failure.to_string())
    }
}

impl Last {
    /// The last result, if it is valid for a caller that arrived at this time.
    fn known(&self, arrived: Instant) -> Option<Option<Unready>> {
        let last = self.found.read().unwrap_or_else(PoisonError::into_inner);
        let (checked, found) = last.as_ref()?;
        let is_fresh = found.is_none() && checked.elapsed() < READY_TTL;
        (is_fresh || *checked > arrived).then(|| found.clone())
    }

    /// Keeps a result, and logs a change.
    fn keep(&self, found: Option<Unready>) {
        let mut last = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().and_then(|(_, found)| found.as_ref());
        match &found {
            Some(unready) if before != Some(unready) => {
                tracing::warn!(check = unready.check.name(), reason = unready.message, "not ready");
            }
            None if before.is_some() => tracing::info!("ready again"),
            _ => {}
        }
        *last = Some((Instant::now(), found));
    }
}

/// A router of `/livez` and `/readyz` alone, for a port of their own or to merge into another router.
pub fn health_routes(readiness: Readiness) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(readiness)
}

/// The handler of `/livez`: 200 while the process is alive.
pub async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    readiness.response().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(found: Option<Unready>) -> (Last, Instant) {
        let last = Last::default();
        last.keep(found);
        let checked = last.found.read().unwrap().as_ref().unwrap().0;
        (last, checked)
    }

    #[tokio::test(start_paused = true)]
    async fn a_ready_store_is_not_checked_again_for_a_second() {
        let (last, checked) = last(None);
        assert_eq!(last.known(checked), Some(None));
        tokio::time::advance(READY_TTL - Duration::from_millis(1)).await;
        assert_eq!(last.known(Instant::now()), Some(None));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(last.known(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_check_is_shared_with_the_callers_that_arrived_before_its_result() {
        let unready = Some(Unready { check: Check::Primary, message: "a standby".to_owned() });
        let (last, checked) = last(unready.clone());
        let before = checked - Duration::from_millis(1);
        assert_eq!(last.known(before), Some(unready));
        assert_eq!(last.known(checked), None);
    }
}
