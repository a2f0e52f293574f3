//! `/ui/stream`: server-sent events for a page that is open in a browser.

use std::sync::Arc;

use axum::{extract::Request, response::Response};
use flowruns_http::RequestError;

use crate::{
    address::Parameters,
    context::PageContext,
    live::{Audience, Live, StreamParameters},
    options::Dashboard,
    policy,
    problem::Problem,
    request::contexts,
};

/// Opens the stream. The request is not admitted: a stream holds nothing of the limits while it is idle, and each rendering for
/// it is admitted by itself.
pub(crate) async fn get(
    dashboard: Arc<Dashboard>,
    page: Arc<PageContext>,
    request: Request,
) -> Result<Response, Problem> {
    let options = &dashboard.options;
    policy::check_host(&page.origin, &options.hosts)?;
    let (parts, _) = request.into_parts();
    let (context, _) = contexts(&parts)?;
    let now = options.environment.clock.now();
    let visitor = options.gate.visitor(&parts.headers, now);
    let visitor = visitor.map_err(|_not_signed_in| Problem::not_signed_in())?;
    context.note_tenant(visitor.tenant);
    options.admission.count(&visitor.caller())?;
    let live = parts.extensions.get::<Arc<Live>>().ok_or_else(no_live_pages)?;
    let mut sent = Parameters::of(parts.uri.query());
    let mut parameter = |name| sent.take(name, |text| Ok(text.to_owned())).unwrap_or_default();
    let parameters = StreamParameters { view: parameter("view"), rev: parameter("rev") };
    let audience = Audience {
        tenant: visitor.tenant,
        permission: visitor.permission,
        links: page.links.clone(),
    };
    Ok(live.open(&visitor, audience, &parameters)?)
}

fn no_live_pages() -> RequestError {
    RequestError::internal("a request that has not passed through the routes")
}
