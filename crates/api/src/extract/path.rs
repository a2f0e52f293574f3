//! The ids in the path of a request.

use std::sync::Arc;

use axum::{
    RequestPartsExt,
    extract::{RawPathParams, Request},
    http::request::Parts,
};
use flowruns_domain::id::FlowId;

use crate::{error::ApiError, odata::key_path::PathKeys};

/// Rejects a request whose path has a malformed flow id. For routes that need no token.
pub(crate) async fn check_flow_id(request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    check_keys(parts.extensions.get::<Arc<PathKeys>>().map(|keys| &**keys))?;
    let params = path_params(&mut parts).await?;
    for (_, value) in params.iter().filter(|(name, _)| *name == "flow") {
        read_id::<FlowId>(value)?;
    }
    Ok(Request::from_parts(parts, body))
}

pub(super) fn check_keys(keys: Option<&PathKeys>) -> Result<(), ApiError> {
    match keys.and_then(|keys| keys.error.as_ref()) {
        Some(error) => Err(ApiError::bad_request("invalidId", error).with_target("id")),
        None => Ok(()),
    }
}

pub(super) fn read_id<T: std::str::FromStr<Err = flowruns_domain::id::InvalidId>>(
    text: &str,
) -> Result<T, ApiError> {
    text.parse().map_err(|error: flowruns_domain::id::InvalidId| {
        let is_quoted = text.starts_with('\'') || text.starts_with('"');
        let quotes = match is_quoted {
            true => "; an id that is a segment of its own has no quotes",
            false => "",
        };
        let message = format!("{error}{quotes}");
        ApiError::bad_request("invalidId", message).with_target("id")
    })
}

pub(super) async fn path_params(parts: &mut Parts) -> Result<RawPathParams, ApiError> {
    parts.extract::<RawPathParams>().await.map_err(|_not_utf8| {
        ApiError::bad_request("invalidId", "the path is not UTF-8 after decoding")
    })
}
