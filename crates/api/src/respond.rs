//! Responses that succeed.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use flowruns_domain::{
    json::{JsonObject, JsonValue},
    version::{EntityTag, Precondition as _, Preconditions},
};
use flowruns_http::not_modified;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    error::ApiError,
    extract::Preference,
    json_writer::{ObjectWriter, WriteJson, write_array},
};

pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
pub(crate) const ODATA_ENTITY_ID: HeaderName = HeaderName::from_static("odata-entityid");
const JSON: HeaderValue = HeaderValue::from_static(
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
);

/// The capacity for the body of most responses, in bytes, so that it need not grow.
const USUAL_BODY: usize = 1024;
/// The length of most rows of a list, in bytes.
const USUAL_ROW: usize = 384;
/// The capacity for the headers of most responses.
const USUAL_HEADERS: usize = 10;

/// A tag as it is in headers and bodies.
pub(crate) fn shown_tag(tag: &EntityTag) -> String {
    ["W/\"", tag.as_str(), "\""].concat()
}

/// 200 and a body.
pub(crate) fn json(body: &impl WriteJson) -> Result<Response, ApiError> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    body.write_json(&mut bytes).map_err(ApiError::internal)?;
    json_text(bytes)
}

/// 200 and a body that is JSON text already.
pub(crate) fn json_text(bytes: Vec<u8>) -> Result<Response, ApiError> {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().reserve(USUAL_HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// An entity with its tag; 412 when If-Match names only other tags, and 304 when the client has it already, because
/// If-None-Match names its tag.
pub(crate) fn entity(
    body: &impl WriteJson,
    tag: &EntityTag,
    conditions: &Preconditions,
) -> Result<Response, ApiError> {
    conditions.if_match.check(|| tag.clone())?;
    let mut response =
        if conditions.if_none_match.matches(|| tag.clone()) { not_modified() } else { json(body)? };
    insert(&mut response, header::ETAG, &shown_tag(tag));
    Ok(response)
}

/// The response to a write: the entity, or 204 if the client prefers that.
pub(crate) fn written(
    body: &impl WriteJson,
    tag: &EntityTag,
    preference: Preference,
) -> Result<Response, ApiError> {
    let mut response = match preference {
        Preference::Minimal => no_content(),
        Preference::Unstated | Preference::Representation => json(body)?,
    };
    insert(&mut response, header::ETAG, &shown_tag(tag));
    if let Some(applied) = preference.applied() {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// The response to a creation, with the URL of the new entity.
pub(crate) fn created(
    body: &impl WriteJson,
    tag: &EntityTag,
    preference: Preference,
    location: &str,
) -> Result<Response, ApiError> {
    let mut response = written(body, tag, preference)?;
    insert(&mut response, header::LOCATION, location);
    if preference == Preference::Minimal {
        insert(&mut response, ODATA_ENTITY_ID, location);
    } else {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// Makes the response to a write what it is with `Prefer: return=minimal`.
pub(crate) fn make_minimal(response: &mut Response) {
    *response.body_mut() = Body::empty();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::CONTENT_LENGTH);
    if let Some(location) = headers.get(header::LOCATION).cloned() {
        headers.insert(ODATA_ENTITY_ID, location);
    }
    headers.extend(Preference::Minimal.applied().map(|applied| (PREFERENCE_APPLIED, applied)));
}

/// The response to a repeated creation: as to a write, and with the URL if there is no body.
pub(crate) fn created_before(
    body: &impl WriteJson,
    tag: &EntityTag,
    preference: Preference,
    location: &str,
) -> Result<Response, ApiError> {
    let mut response = written(body, tag, preference)?;
    if preference == Preference::Minimal {
        insert(&mut response, header::LOCATION, location);
        insert(&mut response, ODATA_ENTITY_ID, location);
    }
    Ok(response)
}

/// 204
pub(crate) fn no_content() -> Response {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn insert(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A page of a list.
pub(crate) struct List<T> {
    pub(crate) context: String,
    pub(crate) count: Option<u64>,
    /// Sent instead of `@odata.count` when the count would exceed this number of rows.
    pub(crate) count_above: Option<u32>,
    pub(crate) next_link: Option<String>,
    pub(crate) value: Vec<T>,
}

impl<T: WriteJson> WriteJson for List<T> {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.reserve(self.value.len() * USUAL_ROW);
        let mut page = ObjectWriter::begin(out);
        page.value("@odata.context", &self.context)?;
        if let Some(count) = &self.count {
            page.value("@odata.count", count)?;
        }
        if let Some(count_above) = &self.count_above {
            page.value("@flowruns.countAbove", count_above)?;
        }
        if let Some(next_link) = &self.next_link {
            page.value("@odata.nextLink", next_link)?;
        }
        write_array(&self.value, page.name("value"))?;
        page.end();
        Ok(())
    }
}

/// An open object, with its type as the first member.
pub(crate) struct Typed<'a> {
    pub(crate) type_name: &'static str,
    pub(crate) members: &'a JsonObject,
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("@odata.type", self.type_name)?;
        for (name, value) in self.members.iter() {
            map.serialize_entry::<str, JsonValue>(name, value)?;
        }
        map.end()
    }
}
