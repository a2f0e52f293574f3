//! An item as a request of its own.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use tower::ServiceExt as _;

use super::{address, envelope::Item, reply::Reply};
use crate::{
    error::ApiError,
    extract::Call,
    observe::{CLIENT_REQUEST_ID, Deadline, TRACEPARENT, observed},
    odata::root::ServiceRoot,
    state::Api,
};

/// What an item has from its batch unless it brings its own.
const INHERITED: [HeaderName; 3] = [header::AUTHORIZATION, CLIENT_REQUEST_ID, TRACEPARENT];

/// What belongs to the connection, and not to an item.
const OF_THE_CONNECTION: [HeaderName; 4] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

/// What the items of a batch have in common.
pub(super) struct Items<'a> {
    api: &'a Arc<Api>,
    routes: Router,
    root: &'a ServiceRoot,
    inherited: HeaderMap,
    deadline: Deadline,
}

impl<'a> Items<'a> {
    pub(super) fn new(
        api: &'a Arc<Api>,
        call: &'a Call,
        routes: Router,
        deadline: Deadline,
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
        }
    }

    /// Sends an item through the routes, or answers 424.
    pub(super) async fn answer(&self, item: Item, may_begin: bool) -> Reply {
        let Item { id, .. } = &item;
        let id = id.clone();
        let mut request = Request::new(Body::empty());
        let read = self.fill(&mut request, item);
        let refused = match read {
            Err(error) => Some(error),
            Ok(()) if may_begin => None,
            Ok(()) => Some(ApiError::failed_dependency()),
        };
        let answer = |request| async {
            match refused {
                Some(error) => error.into_response(),
                None => self.route(request).await,
            }
        };
        Reply::read(id, observed(self.api, request, answer).await).await
    }

    async fn route(&self, request: Request) -> Response {
        match self.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// The headers come first: a refusal of the rest is answered with the item's client-request-id.
    fn fill(&self, request: &mut Request, item: Item) -> Result<(), ApiError> {
        request.extensions_mut().insert(self.deadline);
        request.extensions_mut().insert(self.root.origin().clone());
        *request.headers_mut() = self.inherited.clone();
        set_headers(request.headers_mut(), &item)?;
        *request.method_mut() = method(&item.method)?;
        *request.uri_mut() = address::read(&item.url, self.root)?;
        *request.body_mut() = item.body.map_or_else(Body::empty, Body::from);
        Ok(())
    }
}

fn set_headers(headers: &mut HeaderMap, item: &Item) -> Result<(), ApiError> {
    let mut own = HeaderMap::new();
    for (name, value) in &item.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
        else {
            let message = format!("the header {name:?} cannot be sent; correct its name or value");
            return Err(ApiError::bad_request("invalidHeader", message).with_target("headers"));
        };
        if !OF_THE_CONNECTION.contains(&name) {
            own.append(name, value);
        }
    }
    if item.body.is_some() {
        own.entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
    }
    // What an item brings replaces what it would have inherited.
    headers.extend(own);
    Ok(())
}

/// A method in any case: some clients leave it as the program wrote it.
fn method(text: &str) -> Result<Method, ApiError> {
    Method::from_bytes(text.to_ascii_uppercase().as_bytes()).map_err(|_| {
        let message = format!("{text:?} is no method of HTTP");
        ApiError::bad_request("invalidMethod", message).with_target("method")
    })
}
