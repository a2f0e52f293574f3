//! An item as a request of its own.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use flowruns_http::{CLIENT_REQUEST_ID, Deadline, RequestError, StreamingResponse, TRACEPARENT};
use futures_util::FutureExt as _;

use super::{
    MAX_RESPONSE_BYTES, address,
    envelope::{Item, Scalar},
    response::BatchResponse,
};
use crate::{
    error::ApiError,
    extract::ApiRequest,
    odata::{page::PageBytes, root::ServiceRoot},
    routes,
    state::Api,
};

/// The headers that an item inherits from its batch unless it has its own.
const INHERITED: [HeaderName; 3] = [header::AUTHORIZATION, CLIENT_REQUEST_ID, TRACEPARENT];

/// What the items of a batch have in common.
pub(super) struct BatchContext<'a> {
    api: &'a Arc<Api>,
    routes: Router,
    root: &'a ServiceRoot,
    inherited: HeaderMap,
    deadline: Deadline,
    page_bytes: PageBytes,
    /// The maximum size of the body of a response to an item, in bytes.
    body_bytes: usize,
}

impl<'a> BatchContext<'a> {
    pub(super) fn new(
        api: &'a Arc<Api>,
        request: &'a ApiRequest,
        routes: Router,
        deadline: Deadline,
        count: usize,
    ) -> Self {
        let inherited = INHERITED.into_iter().filter_map(|name| {
            let value = request.headers.get(&name)?.clone();
            Some((name, value))
        });
        Self {
            api,
            routes,
            root: &request.root,
            inherited: inherited.collect(),
            deadline,
            page_bytes: PageBytes::shared_by(count),
            body_bytes: MAX_RESPONSE_BYTES / count.max(1),
        }
    }

    /// The response to an item. A panic fails only this item, wherever it happens.
    pub(super) async fn response(&self, item: Item, may_begin: bool) -> BatchResponse {
        let id = item.id.clone();
        let answered = AssertUnwindSafe(self.send(item, may_begin)).catch_unwind();
        let failed = match answered.await {
            Ok(response) => return response,
            Err(panic) => RequestError::panicked(panic.as_ref()),
        };
        let mut request = Request::new(Body::empty());
        self.prepare(&mut request);
        let failure = |_| async { failed.into_response() };
        BatchResponse::read(id, self.api.pipeline.handle(request, failure).await).await
    }

    /// Sends an item through the routes; the response is 424 if it may not begin.
    async fn send(&self, item: Item, may_begin: bool) -> BatchResponse {
        let id = item.id.clone();
        let mut request = Request::new(Body::empty());
        self.prepare(&mut request);
        let read = self.fill(&mut request, item);
        let rejected = match read {
            Err(error) => Some(error),
            Ok(()) if may_begin => None,
            Ok(()) => Some(ApiError::failed_dependency()),
        };
        let handler = |request| async {
            match rejected {
                Some(error) => error.into_response(),
                None => self.bounded(request).await,
            }
        };
        BatchResponse::read(id, self.api.pipeline.handle(request, handler).await).await
    }

    /// The response of the routes, unless it is too long or a stream. The response to a write, which has happened, always has
    /// at least its status and headers.
    async fn bounded(&self, request: Request) -> Response {
        let is_read = request.method().is_safe();
        let response = routes::respond(self.routes.clone(), request).await;
        let length = usize::try_from(response.body().size_hint().lower());
        let is_short = length.is_ok_and(|length| length <= self.body_bytes);
        if is_short && !StreamingResponse::is_set(&response) {
            return response;
        }
        if is_read {
            return ApiError::response_too_long(self.body_bytes).into_response();
        }
        let (mut parts, _too_long) = response.into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        Response::from_parts(parts, Body::empty())
    }

    /// Adds the parts of a request that every item has from its batch.
    fn prepare(&self, request: &mut Request) {
        request.extensions_mut().insert(self.deadline);
        request.extensions_mut().insert(self.page_bytes);
        request.extensions_mut().insert(self.root.origin().clone());
        *request.headers_mut() = self.inherited.clone();
    }

    /// Adds the headers first: a failure of the rest is then answered with the client-request-id of the item.
    fn fill(&self, request: &mut Request, item: Item) -> Result<(), ApiError> {
        let mut own = item.headers?;
        if item.body.is_some() {
            own.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        // The headers of the item replace those that it would inherit.
        request.headers_mut().extend(own);
        *request.method_mut() = method(item.method)?;
        *request.uri_mut() = self.uri(item.url)?;
        *request.body_mut() = item.body.map_or_else(Body::empty, Body::from);
        Ok(())
    }

    /// The URL of an item, with the same limit as that of a separate request.
    fn uri(&self, sent: Scalar) -> Result<Uri, ApiError> {
        let limit = self.api.options.head_limits.uri_bytes;
        match sent {
            Scalar::Text(url) => address::read(&url, self.root, limit),
            Scalar::TooLong => Err(ApiError::uri_too_long(limit)),
            _ => {
                let message = "each request has a url, such as \"/industryData/incomingFlows\"";
                Err(ApiError::bad_request("invalidUrl", message).with_target("url"))
            }
        }
    }
}

/// A method in any case: some clients send it as the program wrote it.
fn method(sent: Scalar) -> Result<Method, ApiError> {
    let invalid =
        |message: String| ApiError::bad_request("invalidMethod", message).with_target("method");
    let Scalar::Text(text) = sent else {
        return Err(invalid("each request has a method, such as \"GET\"".to_owned()));
    };
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| invalid(format!("{text:?} is not a method of HTTP")))
}
