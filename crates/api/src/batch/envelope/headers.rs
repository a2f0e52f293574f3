//! The headers of an item, with the limits of those of a separate request.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use flowruns_domain::text::excerpt;
use flowruns_http::HeadLimits;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::scalar::{ReadScalar, Scalar};
use crate::error::ApiError;

/// Headers of the connection, which an item must not have.
const OF_THE_CONNECTION: [HeaderName; 4] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// The bytes of a header line in addition to its name and value: a colon, a space, and the end of the line.
const SEPARATORS: usize = 4;

/// Reads the object of headers to its end. An error in it fails only this item.
pub(super) struct ReadHeaders(pub(super) HeadLimits);

type Headers = Result<HeaderMap, ApiError>;

impl<'de> DeserializeSeed<'de> for ReadHeaders {
    type Value = Headers;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Headers, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReadHeaders {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Headers, E> {
        Ok(Ok(HeaderMap::new()))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Headers, E> {
        Ok(Err(no_object()))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Headers, E> {
        Ok(Err(no_object()))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Headers, E> {
        Ok(Err(no_object()))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Headers, E> {
        Ok(Err(no_object()))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Headers, E> {
        Ok(Err(no_object()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Headers, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(no_object()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Headers, A::Error> {
        let limits = self.0;
        let scalar = || ReadScalar { max_bytes: limits.header_bytes };
        let mut headers = HeaderMap::new();
        let (mut count, mut bytes) = (0, 0);
        while let Some(name) = members.next_key_seed(scalar())? {
            let value = members.next_value_seed(scalar())?;
            count += 1;
            bytes += length(&name) + length(&value) + SEPARATORS;
            let is_too_large = count > limits.headers
                || bytes > limits.header_bytes
                || [&name, &value].contains(&&Scalar::TooLong);
            let added = match is_too_large {
                true => Err(ApiError::headers_too_large(limits)),
                false => add(&mut headers, &name, value),
            };
            if let Err(error) = added {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Err(error));
            }
        }
        Ok(Ok(headers))
    }
}

fn length(scalar: &Scalar) -> usize {
    match scalar {
        Scalar::Text(text) | Scalar::Integer(text) => text.len(),
        Scalar::Absent | Scalar::Bool(_) | Scalar::Null | Scalar::TooLong | Scalar::Other => 0,
    }
}

/// A number or a boolean is sent as it is written; null leaves the header out.
fn add(headers: &mut HeaderMap, name: &Scalar, value: Scalar) -> Result<(), ApiError> {
    let Scalar::Text(name) = name else {
        return Err(no_object());
    };
    let value = match value {
        Scalar::Text(text) | Scalar::Integer(text) => text,
        Scalar::Bool(value) => value.to_string(),
        Scalar::Null => return Ok(()),
        Scalar::Absent | Scalar::TooLong | Scalar::Other => {
            return Err(invalid(name, "its value is no string; send a string"));
        }
    };
    let (Ok(key), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
        return Err(invalid(name, "it cannot be sent; correct its name or value"));
    };
    if OF_THE_CONNECTION.contains(&key) {
        return Ok(());
    }
    // It would be ambiguous which of two values of one name counts.
    match headers.try_insert(key, value) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => {
            Err(invalid(name, "it is repeated; send its values in one header, separated by commas"))
        }
        Err(full) => Err(invalid(name, &full.to_string())),
    }
}

fn no_object() -> ApiError {
    let message = "headers is an object whose values are strings";
    ApiError::bad_request("invalidHeader", message).with_target("headers")
}

fn invalid(name: &str, reason: &str) -> ApiError {
    let message = format!("the header {:?}: {reason}", excerpt(name));
    ApiError::bad_request("invalidHeader", message).with_target("headers")
}
