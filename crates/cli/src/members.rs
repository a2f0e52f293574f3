//! Statistics on the command line: `name=value`, and a JSON object in a file.

use std::{
    fs::File,
    io::{self, Read},
};

use flowruns_client::{JsonObject, JsonValue, error_chain};

use crate::exit::Failure;

/// A larger document is no statistics: at most 64 KiB of compact JSON can be stored.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024;

/// The members that arguments of the form `name=value` give. A value that is JSON is that value, such as 5, true, null (which
/// removes a member) or {"read": 5}; any other is a text. `name="5"`, with the quotes, is the text 5.
pub(crate) fn of_arguments(arguments: &[String]) -> Result<JsonObject, Failure> {
    let mut members = JsonObject::default();
    for argument in arguments {
        let (name, value) = argument.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::usage(format!("{argument:?} is not a member of statistics; write NAME=VALUE, such as rows=1200"))
        })?;
        if members.get(name).is_some() {
            return Err(Failure::usage(format!("the member {name:?} is given twice")));
        }
        let text = || JsonValue::String(value.to_owned());
        members.insert(name, serde_json::from_str(value).unwrap_or_else(|_| text()));
    }
    Ok(members)
}

/// Reads a JSON object: `@FILE`, or `-` or `@-` for standard input.
pub(crate) fn of_document(source: &str) -> Result<JsonObject, Failure> {
    let read = match source {
        "-" | "@-" => read(io::stdin().lock()),
        _ => match source.strip_prefix('@') {
            Some(path) => File::open(path).and_then(read),
            None => {
                let advice = format!("write @{source} for the file, or - for standard input");
                return Err(Failure::usage(format!("--statistics {source}: {advice}")));
            }
        },
    };
    let document =
        read.map_err(|error| Failure::usage(format!("--statistics {source}: {error}")))?;
    let members = serde_json::from_slice(&document);
    members
        .map_err(|error| Failure::usage(format!("--statistics {source}: {}", error_chain(&error))))
}

fn read(source: impl Read) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    source.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut document)?;
    if document.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(io::Error::other("it has more than 1 MiB, which cannot be statistics"));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(arguments: &[&str]) -> Result<String, String> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let members = of_arguments(&arguments).map_err(|failure| failure.to_string())?;
        Ok(serde_json::to_string(&members).unwrap())
    }

    #[test]
    fn a_value_is_json_if_it_can_be_and_a_text_otherwise() {
        let given = ["rows=1200", "file=a.csv", "ok=true", "gone=null", "e=", "eq=a=b", "t=\"5\""];
        let expected =
            r#"{"e":"","eq":"a=b","file":"a.csv","gone":null,"ok":true,"rows":1200,"t":"5"}"#;
        assert_eq!(members(&given).unwrap(), expected);
        assert_eq!(members(&[r#"records={"read": 5}"#]).unwrap(), r#"{"records":{"read":5}}"#);
        assert_eq!(
            members(&["big=18446744073709551615"]).unwrap(),
            r#"{"big":18446744073709551615}"#
        );
        // No number that can be stored.
        assert_eq!(members(&["big=1e999"]).unwrap(), r#"{"big":"1e999"}"#);
    }

    #[test]
    fn what_is_no_member_is_refused() {
        for arguments in [&["rows"][..], &["=5"], &["a=1", "a=2"]] {
            assert!(members(arguments).is_err(), "{arguments:?}");
        }
    }
}
