//! Lists as a client sees them.

use std::cmp::Ordering;

use axum::http::StatusCode;
use proptest::{prelude::*, sample};
use serde_json::Value;

use crate::app::App;

/// More than any walk has.
pub(super) const MOST_PAGES: usize = 200;

/// An order: a property, whether it is reversed; ties by id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    property: &'static str,
    is_reversed: bool,
}

pub(super) fn orders(properties: &'static [&'static str]) -> impl Strategy<Value = Order> {
    (sample::select(properties), any::<bool>()).prop_map(|(property, is_reversed)| Order {
        property,
        is_reversed,
    })
}

impl Order {
    pub(super) fn text(self) -> String {
        let direction = if self.is_reversed { "desc" } else { "asc" };
        format!("{} {direction}", self.property)
    }

    /// Null is the least, and every text compares by its bytes.
    pub(super) fn compare(self, one: &Value, other: &Value) -> Ordering {
        let key = |row: &Value| row[self.property].as_str().map(str::to_owned);
        let keys = key(one).cmp(&key(other));
        let keys = if self.is_reversed {
            keys.reverse()
        } else {
            keys
        };
        keys.then_with(|| one["id"].as_str().cmp(&other["id"].as_str()))
    }
}

pub(super) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(super) fn ids(page: &Value) -> Vec<String> {
    ids_of(page["value"].as_array().unwrap().iter())
}

pub(super) fn ids_of<'a>(rows: impl Iterator<Item = &'a Value>) -> Vec<String> {
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn next(page: &Value) -> Option<String> {
    let link = page["@odata.nextLink"].as_str()?;
    Some(link.strip_prefix("http://localhost").unwrap().to_owned())
}

/// Every page.
pub(super) async fn walk(app: &App, url: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut place = Some(url.to_owned());
    while let Some(url) = place {
        let page = app.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{url}: {}", page.body);
        place = next(&page.json);
        pages.push(page.json);
        assert!(pages.len() < MOST_PAGES, "the walk does not end");
    }
    pages
}
