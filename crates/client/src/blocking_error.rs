//! The error of a run: why it could not be completed.

use std::error::Error;

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    run::PublicErrorPatch,
};

/// Why a run failed, or which records it dropped: the `blockingError` of the API.
///
/// ```
/// use flowruns_client::BlockingError;
///
/// let error = BlockingError::new("sourceUnreachable", "the SFTP server did not answer")
///     .target("sftp://rosters.example")
///     .detail("timeout", "30 s");
/// ```
///
/// Texts may have any length: the longest strings of an error of more than 64 KiB are cut. U+0000, which cannot be stored,
/// becomes U+FFFD.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockingError(JsonObject);

impl BlockingError {
    /// An error with a code for programs (such as `sourceUnreachable`) and a message for people.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let mut members = JsonObject::default();
        members.insert("code", text(code));
        members.insert("message", text(message));
        Self(members)
    }

    /// An error of Rust with its causes, in one message.
    pub fn from_error(code: impl Into<String>, error: &dyn Error) -> Self {
        Self::new(code, error_chain(error))
    }

    /// What the error is about: a file, a table, a URL.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.0.insert("target", text(target));
        self
    }

    /// Adds an item to `details`.
    #[must_use]
    pub fn detail(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        let mut details = match self.0.remove("details") {
            Some(JsonValue::Array(details)) => details,
            _ => Vec::new(),
        };
        details.push(JsonValue::Object(Self::new(code, message).0));
        self.0.insert("details", JsonValue::Array(details));
        self
    }

    /// Sets `innerError`: what lies below the error, such as the last lines that a command printed.
    #[must_use]
    pub fn inner(mut self, error: Self) -> Self {
        self.0.insert("innerError", JsonValue::Object(error.0));
        self
    }

    /// As it is sent, within the limits of the service. An error that exceeds them even with its strings cut loses all but its
    /// code and message.
    pub(crate) fn into_members(self) -> JsonObject {
        let limited = |members: JsonObject| {
            let merged = PublicErrorPatch::new(members).ok()?.merged_into(None).ok()?;
            Some(merged.map(|error| error.members().clone()).unwrap_or_default())
        };
        let kept = ["code", "message"];
        let essential = || {
            let members = kept.iter().filter_map(|name| Some((name, self.0.get(name)?)));
            members.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        limited(self.0.clone()).or_else(|| limited(essential())).unwrap_or_default()
    }
}

fn text(text: impl Into<String>) -> JsonValue {
    JsonValue::String(text.into().replace('\0', "\u{FFFD}"))
}

/// The messages of an error and of its causes, separated by colons. The error of an HTTP client says little without its causes.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(error: BlockingError) -> String {
        serde_json::to_string(&error.into_members()).unwrap()
    }

    #[test]
    fn an_error_has_the_members_of_the_service() {
        let error = BlockingError::new("io", "a\0b")
            .target("t")
            .detail("d", "one")
            .detail("e", "two")
            .inner(BlockingError::new("tail", "last line"));
        assert_eq!(
            json(error),
            "{\"code\":\"io\",\"details\":[{\"code\":\"d\",\"message\":\"one\"},{\"code\":\"e\",\"message\":\"two\"}],\
             \"innerError\":{\"code\":\"tail\",\"message\":\"last line\"},\"message\":\"a\u{FFFD}b\",\"target\":\"t\"}"
        );
    }

    #[test]
    fn a_long_text_is_cut_and_too_many_details_are_dropped() {
        let long = json(BlockingError::new("io", "x".repeat(100_000)));
        assert_eq!(long.len(), 64 * 1024);
        assert!(long.contains("… [cut, 100000 bytes]"), "{}", &long[long.len() - 100..]);

        let mut many = BlockingError::new("io", "short");
        for number in 0..10_000 {
            many = many.detail(number.to_string(), "dropped");
        }
        assert_eq!(json(many), r#"{"code":"io","message":"short"}"#);
    }

    #[test]
    fn an_error_of_rust_is_told_with_its_causes() {
        let cause = std::io::Error::other("no such host");
        let error = crate::token::TokenError::Unavailable {
            what: "the token file".to_owned(),
            cause: cause.into(),
        };
        let json = json(BlockingError::from_error("token", &error));
        assert!(json.contains("the token file is not available: no such host"), "{json}");
    }
}
