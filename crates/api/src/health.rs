//! Whether the process lives, and whether it can serve. Plain text, without a token.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode};
use tokio::time::timeout;

use crate::state::Api;

/// Whoever asks gives up soon: an answer is there within two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
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
