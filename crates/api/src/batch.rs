//! POST $batch: up to 20 requests in one, each processed as if it had been sent separately.

mod address;
mod envelope;
mod item;
mod response;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::Response,
};
use futures_util::{FutureExt, future::join_all};

use self::{
    envelope::{Item, read_items},
    item::BatchContext,
    response::BatchResponse,
};
use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind},
    offload::OFFLOAD,
    respond,
    state::Api,
};

/// The routes that an item may use: all except that of the batch itself.
#[derive(Clone)]
pub(crate) struct ItemRoutes(pub(crate) Router);

/// The maximum size of all bodies in the response to a batch, in bytes; each item has an equal share, with 20 items 419,430
/// bytes.
///
/// The response to a single item may be: a run with its documents, 64 KiB each, below 200 KiB; an error with its details,
/// below 150 KiB; a page, its share of 1 MiB or one row. The longest row is the history entry that replaces all of 64 KiB of
/// very many statistics: about 1 MiB. So the response to a write always fits, and only a read can be rejected for its length,
/// with the advice to send it separately. In total 8 MiB, and twice that while they are joined.
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

pub(crate) async fn post_batch(
    State(api): State<Arc<Api>>,
    Extension(ItemRoutes(routes)): Extension<ItemRoutes>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, None, BodyKind::Batch).await?;
    request.no_options()?;
    let (body, limits) = (request.body.clone(), api.options.head_limits);
    let items = OFFLOAD.run_if_long(body.len(), move || read_items(&body, limits)).await?;
    // An item that is not finished by then is its own 503, and there is time left to send the other responses.
    let margin = api.options.request_timeout / 10;
    let deadline = request.context.deadline().before(margin);
    let context = BatchContext::new(&api, &request, routes, deadline, items.len());
    let responses = responses(&context, items).await;
    respond::json_text(written(responses).map_err(ApiError::internal)?)
}

/// The responses in the order of the requests; each is freed when it is written.
fn written(responses: Vec<Arc<BatchResponse>>) -> serde_json::Result<Vec<u8>> {
    let length: usize = responses.iter().map(|response| response.length()).sum();
    let mut json = Vec::with_capacity(length);
    json.extend_from_slice(b"{\"responses\":[");
    for (index, response) in responses.into_iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        Arc::unwrap_or_clone(response).write(&mut json)?;
    }
    json.extend_from_slice(b"]}");
    Ok(json)
}

/// All items run concurrently; an item waits for those that it depends on, which are all before it.
async fn responses(context: &BatchContext<'_>, items: Vec<Item>) -> Vec<Arc<BatchResponse>> {
    let mut responses = Vec::with_capacity(items.len());
    for item in items {
        let dependencies: Vec<_> =
            item.depends_on.iter().filter_map(|index| responses.get(*index).cloned()).collect();
        let response = async move {
            let dependencies: Vec<Arc<BatchResponse>> = join_all(dependencies).await;
            let may_begin = dependencies.iter().all(|response| response.is_success());
            Arc::new(context.response(item, may_begin).await)
        };
        responses.push(response.boxed().shared());
    }
    join_all(responses).await
}
