//! JSON for programs.

use clap::Args;
use flowruns_client::{JsonValue, RunAddress, RunRecord, RunRow, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::text::is_harmful;

/// How a command prints its result.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct JsonArguments {
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Print JSON, one object a line
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    ndjson: bool,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    People,
    Json,
    Ndjson,
}

impl JsonArguments {
    pub(crate) const fn format(self) -> Format {
        match self {
            Self { json: true, .. } => Format::Json,
            Self { ndjson: true, .. } => Format::Ndjson,
            _ => Format::People,
        }
    }
}

/// The value on one line.
pub(crate) fn line(value: &Value) -> String {
    escaped(value.to_string()) + "\n"
}

/// The value on many lines.
pub(crate) fn pretty(value: &Value) -> String {
    escaped(format!("{value:#}")) + "\n"
}

/// Such characters stand only in strings, where JSON has an escape for them. JSON demands one for those below U+0020 alone.
fn escaped(json: String) -> String {
    if !json.chars().any(|character| is_harmful(character) && character != '\n') {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        match character {
            '\n' => escaped.push('\n'),
            character if is_harmful(character) => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            character => escaped.push(character),
        }
    }
    escaped
}

/// A run as arguments name it: `FLOW/RUN`.
pub(crate) fn address(address: RunAddress) -> String {
    format!("{}/{}", address.flow, address.run)
}

/// A run of a list. The names are those of the API, and `run` and `flowId`.
pub(crate) fn row(row: &RunRow) -> Value {
    json!({
        "run": address(row.address),
        "flowId": row.address.flow.to_string(),
        "flowName": row.flow_name,
        "id": row.address.run.to_string(),
        "displayName": row.display_name,
        "status": row.status.as_str(),
        "startDateTime": row.start.to_string(),
        "endDateTime": row.end.as_ref().map(Timestamp::to_string),
    })
}

/// A run with all its properties.
pub(crate) fn run(run: &RunRecord) -> Value {
    json!({
        "run": address(run.address),
        "flowId": run.address.flow.to_string(),
        "id": run.address.run.to_string(),
        "displayName": run.display_name,
        "status": run.status.as_str(),
        "startDateTime": run.start.to_string(),
        "endDateTime": run.end.as_ref().map(Timestamp::to_string),
        "blockingError": run.blocking_error.as_ref().map(value),
        "statistics": value(&run.statistics),
    })
}

/// Stored JSON.
pub(crate) fn value(stored: &impl Serialize) -> Value {
    // Stored JSON always has a form in JSON.
    serde_json::to_value(stored).unwrap_or_default()
}

/// A stored value as people read it: texts without quotes.
pub(crate) fn shown(stored: &JsonValue) -> String {
    match stored {
        JsonValue::String(text) => text.clone(),
        other => value(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_so_that_a_terminal_shows_them_and_parsers_read_the_same() {
        let hostile = json!({"a": "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\n", "b": ["é", "日本"]});
        for text in [line(&hostile), pretty(&hostile)] {
            assert!(
                !text.chars().any(|character| is_harmful(character) && character != '\n'),
                "{text}"
            );
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
            assert!(text.contains("\"é\""), "{text}");
        }
        assert_eq!(line(&hostile).matches('\n').count(), 1);
    }
}
