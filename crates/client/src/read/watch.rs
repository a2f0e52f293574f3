//! Watching a run: it is read again and again, without its body while nothing changed.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use http::header;
use tokio::time::{Instant, sleep};

use super::record::RunRecord;
use crate::{
    Error, RunAddress,
    client::Core,
    send::{Limit, Prepared},
    worker::Shared,
};

/// The first pause between two reads. It grows while nothing changes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(5);

enum Watch {
    Begin,
    After { etag: String, pause: Duration },
    End,
}

/// The run as it is, then after each change that is seen, until it has ended.
pub(crate) fn watch(
    core: Arc<Core>,
    address: RunAddress,
) -> impl Stream<Item = Result<RunRecord, Error>> + Send + use<> {
    stream::try_unfold(Watch::Begin, move |watch| {
        let core = Arc::clone(&core);
        async move {
            let shared = Arc::clone(&core.shared);
            let (etag, pause) = match watch {
                Watch::End => return Ok(None),
                Watch::Begin => (String::new(), None),
                Watch::After { etag, pause } => (etag, Some(pause)),
            };
            let changed = core.worker.call(change(shared, address, etag, pause)).await?;
            let next = match changed.status.is_terminal() {
                true => Watch::End,
                false => Watch::After { etag: changed.etag.clone(), pause: FIRST_PAUSE },
            };
            Ok(Some((changed, next)))
        }
    })
}

/// Waits for a change.
async fn change(
    shared: Arc<Shared>,
    address: RunAddress,
    etag: String,
    pause: Option<Duration>,
) -> Result<RunRecord, Error> {
    let mut pause = pause;
    loop {
        if let Some(pause) = &mut pause {
            sleep(*pause).await;
            *pause = (*pause * 2).min(LAST_PAUSE);
        }
        if let Some(run) = read_if_changed(&shared, address, &etag).await? {
            return Ok(run);
        }
    }
}

/// The run, unless it still has this entity tag. An empty tag is none.
pub(crate) async fn read_if_changed(
    shared: &Shared,
    address: RunAddress,
    etag: &str,
) -> Result<Option<RunRecord>, Error> {
    let mut request = Prepared::get(shared.server.run(address));
    if !etag.is_empty() {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let limit = Limit::at(Instant::now() + shared.deadline);
    let answer = shared.sender.send(&request, &limit).await?;
    match answer.status {
        304 => Ok(None),
        _ => RunRecord::read(&answer).map(Some),
    }
}
