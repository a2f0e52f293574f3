//! Idempotency-Key: a creation that is sent again gets the first response.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use flowruns_domain::{
    idempotency::{ClaimOutcome, Digest, IdempotencyKey, KeyClaim, Reserved, StoredResponse},
    store::{StoreError, StoreErrorKind},
};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;

use crate::{
    error::ApiError,
    extract::ApiRequest,
    respond::{ODATA_ENTITY_ID, PREFERENCE_APPLIED},
    state::Api,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of a response that was kept from the first request with the key.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// The longest body that is kept, in bytes. Only a rejection with very many violations is longer; the next attempt gets a new
/// one.
const MAX_KEPT_BODY_BYTES: usize = 1024 * 1024;
const KEPT_HEADERS: [HeaderName; 5] =
    [header::CONTENT_TYPE, header::ETAG, header::LOCATION, ODATA_ENTITY_ID, PREFERENCE_APPLIED];
/// The failures that are kept: any other may have another result when the request is sent again.
const FINAL_FAILURES: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::CONFLICT,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// Carries out a creation, once for each Idempotency-Key; without one it is carried out as it is.
///
/// With a key the work is a task of its own, so that a client that disconnects gets the response when it sends the request
/// again.
pub(crate) async fn once<F>(
    api: Arc<Api>,
    request: ApiRequest,
    create: impl FnOnce(Arc<Api>, Arc<ApiRequest>, Option<Reserved>) -> F + Send + 'static,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>> + Send,
{
    let request = Arc::new(request);
    let Some(key) = sent_key(&request.headers)? else {
        return create(api, request, None).await;
    };
    let claim = claim(&api, &request, key);
    let task = tokio::spawn(async move {
        let store = &api.options.environment.store;
        match store.claim_key(claim).await? {
            ClaimOutcome::Granted(reserved) => {
                let created = create(Arc::clone(&api), Arc::clone(&request), Some(reserved)).await;
                settle(&api, &request, claim, created).await
            }
            ClaimOutcome::Completed(kept) => replayed(kept),
            ClaimOutcome::InProgress => Err(ApiError::key_in_flight()),
            ClaimOutcome::DifferentRequest => Err(ApiError::key_of_another_request()),
        }
    });
    match task.await {
        Ok(response) => response,
        // The task is never aborted, so it panicked.
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn sent_key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.as_bytes();
    let is_usable =
        (1..=MAX_KEY_BYTES).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if is_usable && values.next().is_none() { Ok(Some(key)) } else { Err(ApiError::invalid_key()) }
}

fn claim(api: &Api, request: &ApiRequest, key: &[u8]) -> KeyClaim {
    let (received, id) = api.options.environment.now_and_id();
    // The path below the root: its ids may be in any case, and `/beta` is not a part of it.
    let path = request.uri.path();
    let path = path.strip_prefix(request.root.version()).unwrap_or(path);
    let path: Vec<u8> = percent_decode_str(path).collect();
    let path = path.to_ascii_lowercase();
    let path = path.strip_suffix(b"/").unwrap_or(&path);
    KeyClaim {
        key: IdempotencyKey {
            tenant: request.caller.tenant,
            digest: digest(&[request.caller.actor.as_bytes(), key]),
        },
        request: digest(&[path, &request.body]),
        attempt: request.context.request_id(),
        reserved: Reserved { id, received },
    }
}

/// The digest of parts, each with its length, so that no two lists of parts have the same digest.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Keeps a final response; after any other the next attempt may proceed at once.
async fn settle(
    api: &Api,
    request: &ApiRequest,
    claim: KeyClaim,
    response: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let store = &api.options.environment.store;
    let response = match response {
        Ok(response) => response,
        Err(ApiError(error)) if FINAL_FAILURES.contains(&error.status) => {
            api.pipeline.render(error, &request.context)
        }
        Err(error) => {
            note("release a key", store.release_key(claim).await);
            return Err(error);
        }
    };
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(ApiError::internal)?;
    let body = body.to_bytes();
    if body.len() > MAX_KEPT_BODY_BYTES {
        note("release a key", store.release_key(claim).await);
    } else {
        let kept = StoredResponse {
            code: parts.status.as_u16(),
            attributes: kept_headers(&parts.headers),
            body: body.to_vec(),
        };
        note("keep a response", store.store_response(claim, kept).await);
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    KEPT_HEADERS.iter().filter_map(text).collect()
}

/// Logs a failure of the store. The creation itself has happened: the next attempt finds it when the lease ends.
fn note(step: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        let cause = error.source.as_ref().map(tracing::field::display);
        tracing::warn!(%error, cause, step, "an idempotency key is held until its lease ends");
    }
}

fn replayed(kept: StoredResponse) -> Result<Response, ApiError> {
    let StoredResponse { code: status, attributes: headers, body } = kept;
    let corrupt = |column| {
        ApiError::from(StoreError {
            kind: StoreErrorKind::Corrupt {
                table: "idempotency_keys",
                column,
                id: format!("status {status}"),
            },
            source: None,
        })
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| corrupt("status"))?;
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| corrupt("headers"))?;
        let value = HeaderValue::try_from(value).map_err(|_| corrupt("headers"))?;
        response.headers_mut().insert(name, value);
    }
    let replayed = HeaderValue::from_static("true");
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, replayed);
    Ok(response)
}
