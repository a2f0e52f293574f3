//! The body of a batch. Limits are checked while it is read, so that nothing over a limit is ever in memory.

mod dependencies;
mod headers;
mod scalar;
mod sent;

use std::fmt;

use axum::http::HeaderMap;
use bytes::Bytes;
use flowruns_domain::json::InvalidDocument;
use flowruns_http::HeadLimits;
use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

pub(super) use self::scalar::Scalar;
use self::{scalar::MemberName, sent::SentItem};
use crate::{error::ApiError, extract::MAX_BATCH_ITEMS};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A request of a batch; it depends on earlier ones.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// An error in them fails only this item, as does one in the method or URL.
    pub(super) headers: Result<HeaderMap, ApiError>,
    pub(super) method: Scalar,
    pub(super) url: Scalar,
    /// As it was sent, to the byte.
    pub(super) body: Option<Bytes>,
    pub(super) depends_on: Vec<usize>,
}

/// The state of reading a batch.
struct Reader<'b> {
    body: &'b Bytes,
    limits: HeadLimits,
    /// The ids of the items that were read, as they are compared.
    ids: Vec<String>,
    /// The failure of the whole batch.
    rejection: Option<ApiError>,
}

/// Reads the requests. An error that leaves their order unclear rejects all of them.
pub(super) fn read_items(body: &Bytes, limits: HeadLimits) -> Result<Vec<Item>, ApiError> {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(match InvalidDocument::of_other_encoding(text) {
            Some(error) => malformed(&error.to_string()),
            None => malformed("it is no JSON object with the member requests"),
        });
    }
    let mut reader = Reader { body, limits, ids: Vec::new(), rejection: None };
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = json.deserialize_map(Envelope(&mut reader));
    let read = read.and_then(|items| json.end().map(|()| items));
    match (reader.rejection, read) {
        (Some(rejection), _) => Err(rejection),
        (None, Ok(items)) => Ok(items),
        (None, Err(error)) => {
            let error = InvalidDocument::from_serde(text, &error);
            Err(malformed(&error.to_string()))
        }
    }
}

fn malformed(reason: &str) -> ApiError {
    let message = format!("the body is no batch of requests: {reason}");
    ApiError::bad_request("malformedBatch", message)
}

impl Reader<'_> {
    /// Rejects the whole batch; the error ends the reading.
    fn reject<E: de::Error>(&mut self, rejection: ApiError) -> E {
        self.rejection = Some(rejection);
        E::custom("rejected")
    }

    /// Rejects the whole batch because of a property of the item that is being read.
    fn reject_item<E: de::Error>(
        &mut self,
        (code, property): (&'static str, &str),
        message: impl Into<String>,
    ) -> E {
        let target = format!("requests/{}/{property}", self.ids.len());
        self.reject(ApiError::bad_request(code, message).with_target(target))
    }
}

/// Reads the outer object. Unknown members are skipped.
struct Envelope<'r, 'b>(&'r mut Reader<'b>);

impl<'de> Visitor<'de> for Envelope<'_, '_> {
    type Value = Vec<Item>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the member requests")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Item>, A::Error> {
        let mut items = None;
        while let Some(name) = map.next_key_seed(MemberName(&["requests"]))? {
            if name.is_none() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if items.is_some() {
                return Err(de::Error::custom("the member requests is repeated; send it once"));
            }
            items = Some(map.next_value_seed(Requests(&mut *self.0))?);
        }
        items.ok_or_else(|| de::Error::custom("the member requests is missing"))
    }
}

/// Reads the array of requests, and stops at the first one beyond the limit.
struct Requests<'r, 'b>(&'r mut Reader<'b>);

impl<'de> DeserializeSeed<'de> for Requests<'_, '_> {
    type Value = Vec<Item>;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Vec<Item>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Requests<'_, '_> {
    type Value = Vec<Item>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of requests")
    }

    /// Without the text, which may be long.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Vec<Item>, E> {
        Err(E::custom("requests is a string and not an array"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut requests: A) -> Result<Vec<Item>, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX_BATCH_ITEMS {
            match requests.next_element_seed(SentItem(&mut *self.0))? {
                Some(item) => items.push(item),
                None => return Ok(items),
            }
        }
        if requests.next_element::<IgnoredAny>()?.is_none() {
            return Ok(items);
        }
        let message =
            format!("a batch has at most {MAX_BATCH_ITEMS} requests; send several batches");
        let error = ApiError::bad_request("tooManyRequests", message).with_target("requests");
        Err(self.0.reject(error))
    }
}
