//! Values of the configuration that are not plain numbers, booleans or texts.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use flowruns_http::AllowedOrigin;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use validator::ValidateRange;

/// A duration in milliseconds, as the keys that end in `_ms` have it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct Millis(u64);

impl Millis {
    pub(crate) const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl ValidateRange<u64> for Millis {
    fn greater_than(&self, max: u64) -> Option<bool> {
        Some(self.0 > max)
    }

    fn less_than(&self, min: u64) -> Option<bool> {
        Some(self.0 < min)
    }
}

/// A list in a file may be one text with commas too, and in the environment it always is.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextList {
    Items(Vec<String>),
    Separated(String),
}

pub(super) fn address_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let address = text.trim().parse().map(Some);
    address.map_err(|_| {
        de::Error::custom(format!("{text:?} is not an address and port such as 127.0.0.1:8081"))
    })
}

/// Trimmed texts, without empty ones.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = match TextList::deserialize(deserializer)? {
        TextList::Items(texts) => texts,
        TextList::Separated(text) => text.split(',').map(str::to_owned).collect(),
    };
    let trimmed = texts.iter().map(|text| text.trim());
    let present = trimmed.filter(|text| !text.is_empty());
    Ok(present.map(str::to_owned).collect())
}

/// Networks, as [`texts`]; an address without a prefix length is a network of one address.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = texts(deserializer)?;
    let network = |text: &str| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is neither a network such as 10.0.0.0/8 nor an address"
            ))
        })
    };
    texts.iter().map(|text| network(text)).collect()
}

/// Origins of web pages, as [`texts`].
pub(super) fn origins<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<AllowedOrigin>, D::Error> {
    let texts = texts(deserializer)?;
    let origin = |text: &String| {
        text.parse().map_err(|invalid| de::Error::custom(format!("{text:?}: {invalid}")))
    };
    texts.iter().map(origin).collect()
}

pub(super) fn origins_as_text<S: Serializer>(
    origins: &[AllowedOrigin],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(origins.iter().map(AllowedOrigin::as_str))
}

pub(super) fn text_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then_some(text))
}

pub(super) fn path_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}
