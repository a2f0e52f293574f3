//! The dependencies of an item: earlier items, each once, so that the list is never longer than the batch.

use std::fmt;

use flowruns_domain::text::excerpt;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, SeqAccess, Visitor},
};

use super::{
    Reader,
    scalar::{ReadScalar, Scalar},
    sent::{MAX_ID_BYTES, compared},
};

/// Reads the indexes of the items that an item depends on: an array of ids, a single id, or null for none.
pub(super) struct ReadDependencies<'r, 'b>(pub(super) &'r mut Reader<'b>);

const WRONG: (&str, &str) = ("invalidDependency", "dependsOn");

impl<'de> DeserializeSeed<'de> for ReadDependencies<'_, '_> {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<usize>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReadDependencies<'_, '_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of ids in dependsOn")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<usize>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<Vec<usize>, E> {
        index(self.0, id).map(|index| vec![index])
    }

    fn visit_u64<E: de::Error>(self, id: u64) -> Result<Vec<usize>, E> {
        self.visit_str(&id.to_string())
    }

    fn visit_i64<E: de::Error>(self, id: i64) -> Result<Vec<usize>, E> {
        self.visit_str(&id.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Vec<usize>, A::Error> {
        let Self(reader) = self;
        let mut indexes = Vec::new();
        let scalar = || ReadScalar { max_bytes: MAX_ID_BYTES };
        while let Some(name) = names.next_element_seed(scalar())? {
            let (Scalar::Text(id) | Scalar::Integer(id)) = name else {
                let message = format!("dependsOn has ids of at most {MAX_ID_BYTES} bytes");
                return Err(reader.reject_item(WRONG, message));
            };
            let index = index(reader, &id)?;
            if indexes.contains(&index) {
                let message = format!("the id {:?} is repeated; send it once", excerpt(&id));
                return Err(reader.reject_item(WRONG, message));
            }
            indexes.push(index);
        }
        Ok(indexes)
    }
}

fn index<E: de::Error>(reader: &mut Reader<'_>, id: &str) -> Result<usize, E> {
    let known = compared(id);
    let index = reader.ids.iter().position(|one| Some(one) == known.as_ref());
    index.ok_or_else(|| {
        let id = excerpt(id);
        let message = format!("no request before this one has the id {id:?}; put it first");
        reader.reject_item(WRONG, message)
    })
}
