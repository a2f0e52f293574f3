//! An item as a request of its own.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use tower::ServiceExt as _;

use super::{
    MAX_ANSWER_BYTES, address,
    envelope::{Item, Scalar},
    reply::Reply,
};
use crate::{
    error::ApiError,
    extract::Call,
    observe::{CLIENT_REQUEST_ID, Deadline, TRACEPARENT, observed, panic_message},
    odata::{page::PageBytes, root::ServiceRoot},
    state::Api,
};

/// What an item has from its batch unless it brings its own.
const INHERITED: [HeaderName; 3] = [header::AUTHORIZATION, CLIENT_REQUEST_ID, TRACEPARENT];

/// What the items of a batch have in common.
pub(super) struct Items<'a> {
    api: &'a Arc<Api>,
    routes: Router,
    root: &'a ServiceRoot,
    inherited: HeaderMap,
    deadline: Deadline,
    page_bytes: PageBytes,
    /// The most bytes of the body that answers an item.
    body_bytes: usize,
}

impl<'a> Items<'a> {
    pub(super) fn new(
        api: &'a Arc<Api>,
        call: &'a Call,
        routes: Router,
        deadline: Deadline,
        count: usize,
    ) -> Self {
        let inherited = INHERITED.into_iter().filter_map(|name| {
            let value = call.header(&name)?.clone();
            Some((name, value))
        });
        Self {
            api,
            routes,
            root: &call.root,
            inherited: inherited.collect(),
            deadline,
            page_bytes: PageBytes::shared_by(count),
            body_bytes: MAX_ANSWER_BYTES / count.max(1),
        }
    }

    /// The answer to an item. A panic is that of this item alone, wherever it happens.
    pub(super) async fn answer(&self, item: Item, may_begin: bool) -> Reply {
        let id = item.id.clone();
        let answered = AssertUnwindSafe(self.carried_out(item, may_begin)).catch_unwind();
        let failed = match answered.await {
            Ok(reply) => return reply,
            Err(panic) => ApiError::panicked(panic_message(panic.as_ref())),
        };
        let mut request = Request::new(Body::empty());
        self.prepare(&mut request);
        let failure = |_| async { failed.into_response() };
        Reply::read(id, observed(self.api, request, failure).await).await
    }

    /// Sends an item through the routes, or answers 424.
    async fn carried_out(&self, item: Item, may_begin: bool) -> Reply {
        let id = item.id.clone();
        let mut request = Request::new(Body::empty());
        self.prepare(&mut request);
        let read = self.fill(&mut request, item);
        let refused = match read {
            Err(error) => Some(error),
            Ok(()) if may_begin => None,
            Ok(()) => Some(ApiError::failed_dependency()),
        };
        let answer = |request| async {
            match refused {
                Some(error) => error.into_response(),
                None => self.bounded(request).await,
            }
        };
        Reply::read(id, observed(self.api, request, answer).await).await
    }

    /// The answer of the routes, unless it is too long. What a write has done is told in any case: by its status and
    /// headers.
    async fn bounded(&self, request: Request) -> Response {
        let is_read = request.method().is_safe();
        let response = self.route(request).await;
        let length = response.body().size_hint().lower();
        if usize::try_from(length).is_ok_and(|length| length <= self.body_bytes) {
            return response;
        }
        if is_read {
            return ApiError::answer_too_long(self.body_bytes).into_response();
        }
        let (mut parts, _too_long) = response.into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        Response::from_parts(parts, Body::empty())
    }

    async fn route(&self, request: Request) -> Response {
        match self.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Gives a request what every item has from its batch.
    fn prepare(&self, request: &mut Request) {
        request.extensions_mut().insert(self.deadline);
        request.extensions_mut().insert(self.page_bytes);
        request.extensions_mut().insert(self.root.origin().clone());
        *request.headers_mut() = self.inherited.clone();
    }

    /// The headers come first: a refusal of the rest is answered with the item's client-request-id.
    fn fill(&self, request: &mut Request, item: Item) -> Result<(), ApiError> {
        let mut own = item.headers?;
        if item.body.is_some() {
            own.entry(header::CONTENT_TYPE)
                .or_insert(HeaderValue::from_static("application/json"));
        }
        // What an item brings replaces what it would have inherited.
        request.headers_mut().extend(own);
        *request.method_mut() = method(item.method)?;
        *request.uri_mut() = self.uri(item.url)?;
        *request.body_mut() = item.body.map_or_else(Body::empty, Body::from);
        Ok(())
    }

    /// The address of an item, held to the limit of a request alone.
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

/// A method in any case: some clients leave it as the program wrote it.
fn method(sent: Scalar) -> Result<Method, ApiError> {
    let invalid =
        |message: String| ApiError::bad_request("invalidMethod", message).with_target("method");
    let Scalar::Text(text) = sent else {
        return Err(invalid(
            "each request has a method, such as \"GET\"".to_owned(),
        ));
    };
    Method::from_bytes(text.to_ascii_uppercase().as_bytes())
        .map_err(|_| invalid(format!("{text:?} is no method of HTTP")))
}
