//! Whether the process lives, and whether it can serve. Plain text, without a token.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use flowruns_domain::{NotReady, Store};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// Whoever asks gives up soon: an answer is there within two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);
/// So long it holds that the store is ready. That it is not holds only for those who asked meanwhile, so that a
/// recovery is seen at once.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Whether the server takes its leave: what is under way is finished, and no more shall be sent to it.
///
/// ```
/// let draining = flowruns_api::Draining::default();
/// let seen_by_the_routes = draining.clone();
/// draining.begin();
/// assert!(seen_by_the_routes.is_draining());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has begun.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What must be right for the server to be ready.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Check {
    /// The database answers.
    Database,
    /// It takes writes: it is no standby.
    Primary,
    /// Every session that serving needs can be opened.
    Sessions,
    /// Its encoding is UTF8, and no migration is pending or changed.
    Schema,
    /// The server is not about to end.
    Draining,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 5] = [
        Self::Database,
        Self::Primary,
        Self::Sessions,
        Self::Schema,
        Self::Draining,
    ];

    /// Its name.
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

/// The check that failed, and how, in words that hold no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unready {
    /// Which check failed.
    pub check: Check,
    /// What is wrong.
    pub message: String,
}

/// Whether the server can serve now. Clones share what was found last.
#[derive(Clone)]
pub struct Readiness {
    store: Arc<dyn Store>,
    draining: Draining,
    last: Arc<Last>,
}

#[derive(Default)]
struct Last {
    found: RwLock<Option<(Instant, Option<Unready>)>>,
    /// Held by the one who asks the store.
    asking: Mutex<()>,
}

impl Readiness {
    /// Of a server on this store.
    pub fn new(store: Arc<dyn Store>, draining: Draining) -> Self {
        Self {
            store,
            draining,
            last: Arc::default(),
        }
    }

    /// What keeps the server from serving, if anything. However many want to know, the store is asked once at a time,
    /// for one and a half seconds at most, and not again for a second after it was ready.
    pub async fn check(&self) -> Option<Unready> {
        if self.draining.is_draining() {
            return Some(Unready {
                check: Check::Draining,
                message: "draining".to_owned(),
            });
        }
        let come = Instant::now();
        if let Some(found) = self.last.known(come) {
            return found;
        }
        let _turn = self.last.asking.lock().await;
        if let Some(found) = self.last.known(come) {
            return found;
        }
        let found = self.ask().await;
        self.last.keep(found.clone());
        found
    }

    async fn ask(&self) -> Option<Unready> {
        let unready = |check, message| Some(Unready { check, message });
        let failure = match timeout(PATIENCE, self.store.check()).await {
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
                tracing::debug!(cause, "the store is away");
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
    /// What is known to somebody who has come then.
    fn known(&self, come: Instant) -> Option<Option<Unready>> {
        let last = self.found.read().unwrap_or_else(PoisonError::into_inner);
        let (answered, found) = last.as_ref()?;
        let is_good = found.is_none() && answered.elapsed() < GOOD_FOR;
        (is_good || *answered > come).then(|| found.clone())
    }

    /// Says so in the log when something has changed.
    fn keep(&self, found: Option<Unready>) {
        let mut last = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().and_then(|(_, found)| found.as_ref());
        match &found {
            Some(unready) if before != Some(unready) => {
                tracing::warn!(
                    check = unready.check.name(),
                    reason = unready.message,
                    "not ready"
                );
            }
            None if before.is_some() => tracing::info!("ready again"),
            _ => {}
        }
        *last = Some((Instant::now(), found));
    }
}

/// `/livez` and `/readyz` alone, for a port of their own.
pub fn health_routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    match readiness.check().await {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(Unready { message, .. }) => (StatusCode::SERVICE_UNAVAILABLE, format!("{message}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(found: Option<Unready>) -> (Last, Instant) {
        let last = Last::default();
        last.keep(found);
        let answered = last.found.read().unwrap().as_ref().unwrap().0;
        (last, answered)
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_answer_holds_for_a_second() {
        let (last, answered) = last(None);
        assert_eq!(last.known(answered), Some(None));
        tokio::time::advance(GOOD_FOR - Duration::from_millis(1)).await;
        assert_eq!(last.known(Instant::now()), Some(None));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(last.known(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_answer_holds_for_those_who_asked_before_it_came() {
        let unready = Some(Unready {
            check: Check::Primary,
            message: "a standby".to_owned(),
        });
        let (last, answered) = last(unready.clone());
        let before = answered - Duration::from_millis(1);
        assert_eq!(last.known(before), Some(unready));
        assert_eq!(last.known(answered), None);
    }
}
