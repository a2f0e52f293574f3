//! One rendering of a watched page, admitted like a request of the lowest priority.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::http::HeaderMap;
use flowruns_http::{Deadline, Priority, RequestContext};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::{
    meter::TickOutcome,
    registry::Live,
    view::{LiveError, LivePage},
    watch::WatchKey,
};

/// Renders a page, which holds about `bytes` of memory. The permit of admission is released with the page.
///
/// # Errors
///
/// How the tick ended: refused, failed or gone.
pub(super) async fn render(
    live: &Live,
    key: &WatchKey,
    bytes: usize,
) -> Result<LivePage, TickOutcome> {
    let timeout = live.options.limits.tick_timeout;
    let WatchKey { audience, address } = key;
    // A tick is no request, but admission counts it as one.
    let deadline = Deadline::new(Instant::now(), timeout);
    let context = RequestContext::new(Uuid::nil(), deadline, &HeaderMap::new());
    let caller = live.caller(audience);
    let admitted = live.options.admission.admit(&context, caller, Priority::List, bytes);
    admitted.map_err(|_overloaded| TickOutcome::Refused)?;
    let rendered = AssertUnwindSafe(live.views.render(audience, address)).catch_unwind();
    match tokio::time::timeout(timeout, rendered).await {
        Ok(Ok(Ok(page))) => Ok(page),
        Ok(Ok(Err(LiveError::Gone))) => Err(TickOutcome::Gone),
        Ok(Ok(Err(LiveError::Failed(cause)))) => {
            tracing::debug!(error = cause, "a live page was not rendered");
            Err(TickOutcome::Failed)
        }
        // The hook of panics has logged the message.
        Ok(Err(_panic)) => {
            tracing::error!(page = page_of(address), "the rendering of a live page panicked");
            Err(TickOutcome::Failed)
        }
        Err(_elapsed) => {
            tracing::debug!(page = page_of(address), "a live page took too long");
            Err(TickOutcome::Failed)
        }
    }
}

/// The path of an address: a query may hold what people searched for, which does not belong into the log.
fn page_of(address: &str) -> &str {
    address.split('?').next().unwrap_or_default()
}
