//! Whether the process lives, and whether it can serve. Plain text, without a token.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::state::Api;

pub(crate) async fn live() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, &'static str) {
    match api.options.environment.store.check().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(error = %error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database is away\n")
        }
    }
}
