//! Reads whole lists as a client does.

use std::cmp::Ordering;

use axum::http::StatusCode;
use proptest::{prelude::*, sample};
use serde_json::Value;

use crate::app::App;

/// More pages than any list has.
pub(super) const MOST_PAGES: usize = 200;

/// An order: a property, whether it is reversed, and the direction of ids where one is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    property: &'static str,
    is_reversed: bool,
    reversed_ids: Option<bool>,
}

pub(super) fn orders(properties: &'static [&'static str]) -> impl Strategy<Value = Order> {
    let order = (sample::select(properties), any::<bool>(), any::<Option<bool>>());
    order.prop_map(|(property, is_reversed, reversed_ids)| Order {
        property,
        is_reversed,
        reversed_ids: reversed_ids.filter(|_| property != "id"),
    })
}

impl Order {
    pub(super) fn text(self) -> String {
        let direction = |is_reversed| if is_reversed { "desc" } else { "asc" };
        let key = format!("{} {}", self.property, direction(self.is_reversed));
        match self.reversed_ids {
            Some(is_reversed) => format!("{key},id {}", direction(is_reversed)),
            None => key,
        }
    }

    /// Null is the least, and every text compares by its bytes.
    pub(super) fn compare(self, one: &Value, other: &Value) -> Ordering {
        let key = |row: &Value| row[self.property].as_str().map(str::to_owned);
        let keys = key(one).cmp(&key(other));
        let directed = |ordering: Ordering, is_reversed| match is_reversed {
            true => ordering.reverse(),
            false => ordering,
        };
        let ids = one["id"].as_str().cmp(&other["id"].as_str());
        let reversed_ids = self.reversed_ids.unwrap_or(self.is_reversed);
        directed(keys, self.is_reversed).then(directed(ids, reversed_ids))
    }
}

pub(super) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(super) fn ids(page: &Value) -> Vec<String> {
    ids_of(page["value"].as_array().unwrap().iter())
}

pub(super) fn ids_of<'a>(rows: impl Iterator<Item = &'a Value>) -> Vec<String> {
    rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

pub(super) fn next(page: &Value) -> Option<String> {
    let link = page["@odata.nextLink"].as_str()?;
    Some(link.strip_prefix("http://localhost").unwrap().to_owned())
}

/// Every page.
pub(super) async fn all_pages(app: &App, url: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut next_url = Some(url.to_owned());
    while let Some(url) = next_url {
        let page = app.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
        next_url = next(&page.json);
        pages.push(page.json);
        assert!(pages.len() < MOST_PAGES, "the list does not end");
    }
    pages
}
