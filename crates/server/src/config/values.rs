//! Values as a file or the environment spells them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use flowruns_api::AllowedOrigin;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serializer, de};

/// The environment knows only text.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOr<T> {
    Value(T),
    Text(String),
}

pub(super) fn number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let number = match TextOr::deserialize(deserializer)? {
        TextOr::Value(number) => number,
        TextOr::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| de::Error::custom(format!("{text:?} is not a whole number")))?,
    };
    T::try_from(number).map_err(|_| de::Error::custom(format!("{number} is too large")))
}

pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match TextOr::deserialize(deserializer)? {
        TextOr::Value(flag) => Ok(flag),
        TextOr::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| de::Error::custom(format!("{text:?} is neither true nor false"))),
    }
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
        de::Error::custom(format!(
            "{text:?} is no address and port such as 127.0.0.1:8081"
        ))
    })
}

/// A list, or text with commas.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = match TextOr::deserialize(deserializer)? {
        TextOr::Value(texts) => texts,
        TextOr::Text(text) => text.split(',').map(str::to_owned).collect::<Vec<String>>(),
    };
    let trimmed = texts.iter().map(|text| text.trim());
    Ok(trimmed
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect())
}

/// As [`texts`]; a bare address is a network of its own.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = texts(deserializer)?;
    let network = |text: &str| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is no network such as 10.0.0.0/8, and no address"
            ))
        })
    };
    texts.iter().map(|text| network(text)).collect()
}

/// As [`texts`]: origins of browsers.
pub(super) fn origins<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<AllowedOrigin>, D::Error> {
    let texts = texts(deserializer)?;
    let origin = |text: &String| {
        text.parse()
            .map_err(|invalid| de::Error::custom(format!("{text:?}: {invalid}")))
    };
    texts.iter().map(origin).collect()
}

pub(super) fn shown_origins<S: Serializer>(
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
