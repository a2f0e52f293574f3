//! An item as it is sent. Its members are compared without case; those that are not known are passed over.

use std::fmt;

use axum::http::HeaderMap;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Item, Reader,
    dependencies::ReadDependencies,
    headers::ReadHeaders,
    scalar::{MemberName, ReadScalar, Scalar},
};
use crate::error::ApiError;

/// The longest id of an item, in bytes: it is repeated in the response.
pub(super) const MAX_ID_BYTES: usize = 256;

/// The longest method that is distinguished from others, in bytes.
const MAX_METHOD_BYTES: usize = 64;

/// The longest scheme and host of an absolute URL, in bytes.
const MAX_ORIGIN_BYTES: usize = 1024;

const ID: usize = 0;
const METHOD: usize = 1;
const URL: usize = 2;
const HEADERS: usize = 3;
const BODY: usize = 4;
const DEPENDS_ON: usize = 5;
const ATOMICITY_GROUP: usize = 6;

/// The known members; Python's client writes `depends_on`.
const NAMES: [&str; 8] =
    ["id", "method", "url", "headers", "body", "dependsOn", "atomicityGroup", "depends_on"];

/// An id as it is compared: without case. None is longer than the limit.
pub(super) fn compared(id: &str) -> Option<String> {
    (id.len() <= MAX_ID_BYTES).then(|| id.to_lowercase())
}

/// Reads one item of the array.
pub(super) struct SentItem<'r, 'b>(pub(super) &'r mut Reader<'b>);

/// The members of an item that were read.
struct ItemMembers<'de> {
    seen: [bool; NAMES.len()],
    id: Scalar,
    method: Scalar,
    url: Scalar,
    headers: Result<HeaderMap, ApiError>,
    body: Option<&'de RawValue>,
    depends_on: Vec<usize>,
}

impl<'de> DeserializeSeed<'de> for SentItem<'_, '_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Item, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SentItem<'_, '_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request as an object")
    }

    /// Without the text, which may be long.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Item, E> {
        Err(E::custom("a request is a string and not an object"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let Self(reader) = self;
        let mut members = ItemMembers {
            seen: [false; NAMES.len()],
            id: Scalar::Absent,
            method: Scalar::Absent,
            url: Scalar::Absent,
            headers: Ok(HeaderMap::new()),
            body: None,
            depends_on: Vec::new(),
        };
        while let Some(name) = map.next_key_seed(MemberName(&NAMES))? {
            match name {
                Some(name) => members.read(reader, member(name), &mut map)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        members.into_item(reader)
    }
}

/// A known member of an item.
const fn member(name: usize) -> usize {
    if name > ATOMICITY_GROUP { DEPENDS_ON } else { name }
}

impl<'de> ItemMembers<'de> {
    fn read<A: MapAccess<'de>>(
        &mut self,
        reader: &mut Reader<'_>,
        member: usize,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if self.seen[member] {
            let wrong = ("malformedBatch", NAMES[member]);
            return Err(reader.reject_item(wrong, "this member is repeated; send it once"));
        }
        self.seen[member] = true;
        let scalar = |max_bytes| ReadScalar { max_bytes };
        match member {
            ID => self.id = map.next_value_seed(scalar(MAX_ID_BYTES))?,
            METHOD => self.method = map.next_value_seed(scalar(MAX_METHOD_BYTES))?,
            URL => {
                let longest = reader.limits.uri_bytes + MAX_ORIGIN_BYTES;
                self.url = map.next_value_seed(scalar(longest))?;
            }
            HEADERS => self.headers = map.next_value_seed(ReadHeaders(reader.limits))?,
            BODY => self.body = map.next_value()?,
            DEPENDS_ON => self.depends_on = map.next_value_seed(ReadDependencies(reader))?,
            _ => refuse_group(reader, map.next_value::<Option<IgnoredAny>>()?.is_some())?,
        }
        Ok(())
    }

    fn into_item<E: de::Error>(self, reader: &mut Reader<'_>) -> Result<Item, E> {
        let id = new_id(reader, self.id)?;
        Ok(Item {
            id,
            headers: self.headers,
            method: self.method,
            url: self.url,
            body: self.body.map(|raw| reader.body.slice_ref(raw.get().as_bytes())),
            depends_on: self.depends_on,
        })
    }
}

/// The order of a group could not be kept.
fn refuse_group<E: de::Error>(reader: &mut Reader<'_>, is_named: bool) -> Result<(), E> {
    if !is_named {
        return Ok(());
    }
    let wrong = ("atomicityGroupNotSupported", "atomicityGroup");
    let message = "requests are not carried out as a group; leave atomicityGroup out";
    Err(reader.reject_item(wrong, message))
}

/// The id of an item, which is a string in the response even if it was sent as a number.
fn new_id<E: de::Error>(reader: &mut Reader<'_>, sent: Scalar) -> Result<String, E> {
    let wrong = ("invalidRequestId", "id");
    let (Scalar::Text(id) | Scalar::Integer(id)) = sent else {
        let message = format!("each request has an id, a string of at most {MAX_ID_BYTES} bytes");
        return Err(reader.reject_item(wrong, message));
    };
    let known = id.to_lowercase();
    if id.is_empty() {
        let message = format!(
            "the id is empty; give each request an id of its own, a string of 1 to {MAX_ID_BYTES} bytes"
        );
        return Err(reader.reject_item(wrong, message));
    }
    if reader.ids.contains(&known) {
        let message = format!(
            "an earlier request of this batch has the id {id:?} (ids are compared without case); give each request an id of \
             its own"
        );
        return Err(reader.reject_item(wrong, message));
    }
    reader.ids.push(known);
    Ok(id)
}
