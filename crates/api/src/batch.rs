//! POST $batch: up to 20 requests in one, each answered as if it had come alone.

mod address;
mod envelope;
mod item;
mod reply;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::Response,
};
use futures_util::{FutureExt, future::join_all};

use self::{
    envelope::{Item, read_items},
    item::Items,
    reply::Reply,
};
use crate::{
    error::ApiError,
    extract::{Call, Content},
    observe::Deadline,
    offload::offload_if_long,
    respond,
    state::Api,
};

/// How many requests a batch may have.
pub(crate) const MAX_ITEMS: usize = 20;

/// The routes that an item may use: all but the batch itself.
#[derive(Clone)]
pub(crate) struct ItemRoutes(pub(crate) Router);

/// The most bytes of all bodies in the answer to a batch; each item has an equal share of it, of 20 items 419,430 bytes.
///
/// An item alone may answer: a run with its documents, 64 KiB each, below 200 KiB; an error with its details, below
/// 150 KiB; a page, its share of 1 MiB or one row. That row is the longest where it is the history entry that replaces
/// all of 64 KiB of very many statistics: about 1 MiB. So what a write answers always fits, and only a read can be
/// refused for its length, which says to send it alone. In all: 8 MiB, and while they are put together as much again.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

pub(crate) async fn post_batch(
    State(api): State<Arc<Api>>,
    Extension(ItemRoutes(routes)): Extension<ItemRoutes>,
    Extension(deadline): Extension<Deadline>,
    request: Request,
) -> Result<Response, ApiError> {
    let call = Call::new(&api, request, None, Content::Batch).await?;
    call.no_options()?;
    let (body, limits) = (call.body().clone(), api.options.head_limits);
    let items = offload_if_long(body.len(), move || read_items(&body, limits)).await?;
    // What an item does not finish in time is its own 503, and there is time left to send the others' answers.
    let deadline = deadline.before(api.options.request_timeout / 10);
    let shared = Items::new(&api, &call, routes, deadline, items.len());
    let replies = answers(&shared, items).await;
    respond::json_text(written(replies).map_err(ApiError::unwritable)?)
}

/// The answers in the order of the requests; each is freed when it is written.
fn written(replies: Vec<Arc<Reply>>) -> serde_json::Result<Vec<u8>> {
    let length: usize = replies.iter().map(|reply| reply.length()).sum();
    let mut json = Vec::with_capacity(length);
    json.extend_from_slice(b"{\"responses\":[");
    for (place, reply) in replies.into_iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        Arc::unwrap_or_clone(reply).write(&mut json)?;
    }
    json.extend_from_slice(b"]}");
    Ok(json)
}

/// Everything goes on side by side; an item waits for those it depends on, which all stand before it.
async fn answers(shared: &Items<'_>, items: Vec<Item>) -> Vec<Arc<Reply>> {
    let mut replies = Vec::with_capacity(items.len());
    for item in items {
        let dependencies: Vec<_> = item
            .depends_on
            .iter()
            .filter_map(|index| replies.get(*index).cloned())
            .collect();
        let reply = async move {
            let dependencies: Vec<Arc<Reply>> = join_all(dependencies).await;
            let may_begin = dependencies.iter().all(|reply| reply.is_success());
            Arc::new(shared.answer(item, may_begin).await)
        };
        replies.push(reply.boxed().shared());
    }
    join_all(replies).await
}
