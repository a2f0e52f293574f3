//! Lists, page by page.

use std::{collections::VecDeque, sync::Arc};

use futures_util::{Stream, stream};
use reqwest::Url;
use serde_json::Value;
use tokio::time::Instant;

use super::record::{json, unreadable};
use crate::{
    Error,
    client::Core,
    send::{Limit, Prepared},
};

/// Where a list is.
struct Position<T> {
    rows: VecDeque<T>,
    next: Option<Url>,
}

/// The items of a list and of the pages that follow. A page is requested when its first item is asked for.
pub(crate) fn pages<T, R>(
    core: Arc<Core>,
    mut first: Url,
    options: &[(&'static str, String)],
    read: R,
) -> impl Stream<Item = Result<T, Error>> + Send + use<T, R>
where
    T: Send + 'static,
    R: Fn(&Value) -> Option<T> + Send + Sync + Clone + 'static,
{
    if !options.is_empty() {
        first.query_pairs_mut().extend_pairs(options);
    }
    let position = Position { rows: VecDeque::new(), next: Some(first) };
    stream::try_unfold(position, move |mut position| {
        let (core, read) = (Arc::clone(&core), read.clone());
        async move {
            loop {
                if let Some(row) = position.rows.pop_front() {
                    return Ok(Some((row, position)));
                }
                let Some(url) = position.next.take() else {
                    return Ok(None);
                };
                position = page(&core, url, &read).await?;
            }
        }
    })
}

async fn page<T: Send + 'static>(
    core: &Core,
    url: Url,
    read: &impl Fn(&Value) -> Option<T>,
) -> Result<Position<T>, Error> {
    let request = Prepared::get(url.clone());
    let shared = Arc::clone(&core.shared);
    let answer = core.worker.call(async move {
        let limit = Limit::at(Instant::now() + shared.deadline);
        shared.sender.send(&request, &limit).await
    });
    let body = json(&answer.await?)?;
    let rows = body.get("value").and_then(Value::as_array).ok_or_else(|| unreadable("a list"))?;
    let rows = rows.iter().map(read).collect::<Option<_>>();
    Ok(Position {
        rows: rows.ok_or_else(|| unreadable("a row of a list"))?,
        next: next(&url, &body)?,
    })
}

/// The next page at the same address: the token is sent to the configured server only, whatever the link says.
fn next(url: &Url, body: &Value) -> Result<Option<Url>, Error> {
    let Some(link) = body.get("@odata.nextLink").and_then(Value::as_str) else {
        return Ok(None);
    };
    let (_, query) = link.split_once('?').ok_or_else(|| unreadable("a next link"))?;
    let mut next = url.clone();
    next.set_query(Some(query));
    if next == *url {
        return Err(unreadable("a next link that leads on"));
    }
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_next_link_never_leads_to_another_server_or_path() {
        let url: Url = "https://a.example/industryData/runs?$top=1".parse().unwrap();
        let link = |link: &str| next(&url, &json!({"@odata.nextLink": link}));
        let followed = link("https://evil.example/steal?$skiptoken=x").unwrap().unwrap();
        assert_eq!(followed.as_str(), "https://a.example/industryData/runs?$skiptoken=x");
        assert!(link("https://a.example/industryData/runs").is_err());
        assert!(link("https://b.example/?$top=1").is_err());
        assert_eq!(next(&url, &json!({})).unwrap(), None);
    }
}
