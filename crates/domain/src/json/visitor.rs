//! Deserializes [`JsonValue`] and [`JsonObject`], and rejects what they cannot represent.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use crate::{
    json::{
        members::Members,
        number::Number,
        value::{JsonObject, JsonValue},
    },
    text::excerpt,
};

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = JsonValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<JsonValue, E> {
        let number = Number::from_double(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(JsonValue::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<JsonValue, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<JsonValue, E> {
        reject_nul(&text)?;
        Ok(JsonValue::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<JsonValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(JsonValue::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<JsonValue, A::Error> {
        ObjectVisitor.visit_map(access).map(JsonValue::Object)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = JsonObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<JsonObject, A::Error> {
        let mut members = Members::default();
        let mut annotations = BTreeSet::new();
        while let Some(name) = access.next_key::<String>()? {
            reject_nul(&name)?;
            if members.contains(&name) || annotations.contains(&name) {
                return Err(de::Error::custom(format_args!(
                    "duplicate member {:?}; send it once",
                    excerpt(&name)
                )));
            }
            let value = access.next_value::<JsonValue>()?;
            if is_annotation(&name) {
                annotations.insert(name);
            } else {
                members.add(name, value);
            }
        }
        Ok(members.into())
    }
}

/// Whether a member is an annotation of OData, Microsoft Graph or this service: of the object (`@odata.type`) or of another member
/// (`rows@odata.type`). Any other name that contains `@`, such as a mail address, is an ordinary member.
pub(super) fn is_annotation(name: &str) -> bool {
    const NAMESPACES: [&str; 3] = ["odata.", "microsoft.graph.", "flowruns."];
    // Most names have none, and a loop over the bytes of a short name is faster than a search for a character.
    if !name.bytes().any(|byte| byte == b'@') {
        return false;
    }
    let mut after_each_at = name.match_indices('@').map(|(at, _)| (at, &name[at + 1..]));
    after_each_at
        .any(|(at, term)| at == 0 || NAMESPACES.iter().any(|namespace| term.starts_with(namespace)))
}

fn reject_nul<E: de::Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') {
        return Err(E::custom(
            "a string contains U+0000, which cannot be stored; remove it from the string",
        ));
    }
    Ok(())
}
