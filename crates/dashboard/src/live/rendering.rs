//! Renders a page again through its own route, so that a tick shows what a request shows.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Uri},
    response::Response,
};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::{Deadline, RequestContext, RequestError};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{
    limits::LiveLimits,
    view::{Audience, LiveError, LiveFragment, LivePage, LiveViews},
};
use crate::{
    context::PageContext,
    layout::window_title,
    links::Links,
    page::{Fragments, OFFLOAD, Page, View},
    visitor::Visitor,
};

/// Marks a request that a watch sends to the routes. It was admitted already, and its response has a [`LivePage`] as an
/// extension instead of a body.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    audience: Audience,
}

/// The pages of the routes.
pub(crate) struct RoutedViews {
    pub(crate) routes: Router,
    pub(crate) limits: LiveLimits,
}

impl Tick {
    /// What the rendering may depend on, of the visitors who see it.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            tenant: self.audience.tenant,
            actor: String::new(),
            name: String::new(),
            permission: self.audience.permission,
            expires_at: Timestamp::default(),
            session: Uuid::nil(),
        }
    }

    /// The response to the watch.
    pub(crate) async fn response(page: Page, links: &Links) -> Response {
        let mut response = Response::new(Body::empty());
        if let Page::View { status, view } = page {
            *response.status_mut() = status;
            let links = links.clone();
            let bytes = view.estimated_bytes();
            let render = move || LivePage::of(&*view, view.fragments(&links));
            let rendered = OFFLOAD.run_if_long(bytes, render);
            response.extensions_mut().insert(rendered.await);
        }
        response
    }
}

#[async_trait]
impl LiveViews for RoutedViews {
    async fn render(&self, audience: &Audience, address: &str) -> Result<LivePage, LiveError> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = address.parse::<Uri>().map_err(|_not_an_address| LiveError::Gone)?;
        let (_, mut request) = PageContext::of_tick(request, audience.links.clone());
        let deadline = Deadline::new(Instant::now(), self.limits.tick_timeout);
        let context = RequestContext::new(Uuid::nil(), deadline, &HeaderMap::new());
        let extensions = request.extensions_mut();
        extensions.insert(Arc::new(context));
        extensions.insert(Tick { audience: audience.clone() });
        let Ok(mut response) = self.routes.clone().oneshot(request).await;
        match response.extensions_mut().remove::<LivePage>() {
            Some(page) => Ok(page),
            None if response.status().is_server_error() => Err(failure(&response)),
            None => Err(LiveError::Gone),
        }
    }
}

fn failure(response: &Response) -> LiveError {
    let error = response.extensions().get::<Arc<RequestError>>();
    let cause = error.and_then(|error| error.cause.as_ref());
    LiveError::Failed(match cause {
        Some(cause) => cause.to_string().into(),
        None => format!("status {}", response.status()).into(),
    })
}

impl LivePage {
    /// The parts of a view, of which `fragments` are rendered.
    pub(crate) fn of(view: &dyn View, fragments: Fragments) -> Self {
        let fragments = fragments
            .into_iter()
            .map(|fragment| LiveFragment { id: fragment.id, html: fragment.markup.into_string() });
        Self {
            fragments: fragments.collect(),
            title: window_title(&view.title()),
            summary: view.announcement(),
        }
    }
}
