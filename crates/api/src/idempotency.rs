//! Idempotency-Key: a creation that is sent again is answered as it was the first time.

use std::sync::{Arc, atomic::Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use flowruns_domain::{
    Claimed, Digest, IdempotencyKey, KeptAnswer, KeyClaim, Reserved, StoreError, StoreErrorKind,
    Timestamp,
};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;

use crate::{
    error::ApiError,
    extract::Call,
    respond::{ODATA_ENTITY_ID, PREFERENCE_APPLIED},
    state::Api,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is that of the first request with the key.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
/// A longer answer is not kept; only a refusal of very many properties at once is so long, and it is made again.
const LONGEST_KEPT_BODY: usize = 1024 * 1024;
const KEPT_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    ODATA_ENTITY_ID,
    PREFERENCE_APPLIED,
];
/// Any other refusal may end differently when the request is sent again.
const FINAL_REFUSALS: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::CONFLICT,
    StatusCode::UNPROCESSABLE_ENTITY,
];
/// Old keys are forgotten after each so many creations with a key, and so many at once.
const FORGET_EVERY: u64 = 100;
const MOST_FORGOTTEN: u16 = 1000;

/// Carries out a creation, once for each Idempotency-Key; without one it is carried out as it is.
///
/// With a key the work is a task of its own, so that a client that hangs up finds its answer when it asks again.
pub(crate) async fn once<F>(
    api: Arc<Api>,
    call: Call,
    create: impl FnOnce(Arc<Api>, Arc<Call>, Option<Reserved>) -> F + Send + 'static,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>> + Send,
{
    let call = Arc::new(call);
    let Some(key) = sent_key(&call.headers)? else {
        return create(api, call, None).await;
    };
    let claim = claim(&api, &call, key);
    let task = tokio::spawn(async move {
        let store = &api.options.environment.store;
        let answer = match store.claim_key(claim).await? {
            Claimed::Granted(reserved) => {
                let answer = create(Arc::clone(&api), Arc::clone(&call), Some(reserved)).await;
                settle(&api, &call, claim, answer).await
            }
            Claimed::Answered(answer) => replayed(answer),
            Claimed::UnderWay => Err(ApiError::key_under_way()),
            Claimed::OtherRequest => Err(ApiError::key_of_another_request()),
        };
        forget_now_and_then(&api, claim.now()).await;
        answer
    });
    match task.await {
        Ok(answer) => answer,
        // Nobody aborts the task, so it panicked.
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn sent_key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.as_bytes();
    let is_usable = (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if is_usable && values.next().is_none() {
        Ok(Some(key))
    } else {
        Err(ApiError::invalid_key())
    }
}

fn claim(api: &Api, call: &Call, key: &[u8]) -> KeyClaim {
    let (received, id) = api.options.environment.now_and_id();
    // The path below the root: its ids may be in any case, and `/beta` is no part of it.
    let path: Vec<u8> = percent_decode_str(call.uri.path()).collect();
    let path = path.to_ascii_lowercase();
    let path = path.strip_suffix(b"/").unwrap_or(&path);
    KeyClaim {
        key: IdempotencyKey {
            tenant: call.caller.tenant,
            digest: digest(&[call.caller.actor.as_bytes(), key]),
        },
        request: digest(&[path, &call.body]),
        attempt: call.request,
        reserved: Reserved { id, received },
    }
}

/// Of parts, each with its length, so that no two lists of parts are the same text.
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

/// Keeps an answer that is final; after any other the next attempt may go on at once.
async fn settle(
    api: &Api,
    call: &Call,
    claim: KeyClaim,
    answer: Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    let store = &api.options.environment.store;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if FINAL_REFUSALS.contains(&error.status) => {
            let date = api.options.environment.clock.now();
            call.trace.refused(error, date)
        }
        Err(error) => {
            note("release a key", store.release_key(claim).await);
            return Err(error);
        }
    };
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(ApiError::internal)?;
    let body = body.to_bytes();
    if body.len() > LONGEST_KEPT_BODY {
        note("release a key", store.release_key(claim).await);
    } else {
        let kept = KeptAnswer {
            status: parts.status.as_u16(),
            headers: kept_headers(&parts.headers),
            body: body.to_vec(),
        };
        note("keep an answer", store.keep_answer(claim, kept).await);
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

/// What was carried out stays carried out: the next attempt finds it when the lease ends.
fn note(step: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        let cause = error.source.as_ref().map(tracing::field::display);
        tracing::warn!(%error, cause, step, "an idempotency key waits for its lease to end");
    }
}

fn replayed(answer: KeptAnswer) -> Result<Response, ApiError> {
    let KeptAnswer {
        status,
        headers,
        body,
    } = answer;
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
    response
        .headers_mut()
        .insert(IDEMPOTENCY_REPLAYED, replayed);
    Ok(response)
}

async fn forget_now_and_then(api: &Api, now: Timestamp) {
    let claims = api.claims.fetch_add(1, Ordering::Relaxed);
    if !claims.is_multiple_of(FORGET_EVERY) {
        return;
    }
    let before = Timestamp::new(now.date_time() - KeyClaim::KEPT_FOR);
    let Ok(before) = before else { return };
    let store = &api.options.environment.store;
    match store.forget_keys(before, MOST_FORGOTTEN).await {
        Ok(keys) => tracing::debug!(keys, "old idempotency keys are forgotten"),
        Err(error) => tracing::warn!(%error, "old idempotency keys stay for now"),
    }
}
