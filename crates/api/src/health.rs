//! Whether the process lives, and whether it can serve. Plain text, without a token.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{extract::State, http::StatusCode};
use tokio::time::timeout;

use crate::state::Api;

/// Whoever asks gives up soon: an answer is there within two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Whether the server has been told to stop. Whoever is told says so here, and `/readyz` is 503 from then on.
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

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    if api.options.draining.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match timeout(PATIENCE, api.options.environment.store.check()).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n")
        }
        Err(_elapsed) => {
            tracing::warn!("not ready: the database does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}
