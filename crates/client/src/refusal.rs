//! Error responses of the service.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::Status;

/// An error response of the service.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{status} {rule}: {message}")]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The rule, from `innerError.code`.
    pub rule: Rule,
    /// What the server says, with what to do next.
    pub message: String,
    /// All faults, if it lists several.
    pub faults: Vec<Fault>,
    /// The server's id for the request, under which its log has the request. Empty when the response has none.
    pub request_id: String,
    /// Seconds to wait, from Retry-After.
    pub retry_after: Option<u64>,
}

/// One fault of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// The code, part of the interface of the service.
    pub code: String,
    /// What is wrong and what to send instead.
    pub message: String,
    /// The property; empty when the fault is about none.
    pub target: String,
}

/// The rule of the service by which a request is refused: `innerError.code`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// The run has ended, and the report says that it is running.
    RunAlreadyEnded,
    /// The run has ended with another status.
    ConflictingOutcome,
    /// An error for a run that has completed.
    BlockingErrorNotAllowed,
    /// A completion of a run that has an error stored.
    BlockingErrorStored,
    /// The id belongs to a run that was created with other values, or was deleted.
    IdTaken,
    /// Any other code.
    Other(String),
}

impl Rule {
    fn from_code(code: &str) -> Self {
        match code {
            "runAlreadyEnded" => Self::RunAlreadyEnded,
            "conflictingOutcome" => Self::ConflictingOutcome,
            "blockingErrorNotAllowed" => Self::BlockingErrorNotAllowed,
            "blockingErrorStored" => Self::BlockingErrorStored,
            "idTaken" => Self::IdTaken,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The code in the API.
    pub fn code(&self) -> &str {
        match self {
            Self::RunAlreadyEnded => "runAlreadyEnded",
            Self::ConflictingOutcome => "conflictingOutcome",
            Self::BlockingErrorNotAllowed => "blockingErrorNotAllowed",
            Self::BlockingErrorStored => "blockingErrorStored",
            Self::IdTaken => "idTaken",
            Self::Other(code) => code,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[derive(Deserialize)]
struct Body {
    error: ErrorBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    message: String,
    #[serde(default)]
    details: Vec<DetailBody>,
    inner_error: InnerBody,
}

#[derive(Deserialize)]
struct DetailBody {
    code: String,
    message: String,
    #[serde(default)]
    target: String,
}

#[derive(Deserialize)]
struct InnerBody {
    #[serde(default)]
    code: String,
    #[serde(rename = "request-id")]
    request_id: String,
}

impl Refusal {
    /// Reads an error response. `None` when the body is not one of the service.
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<u64>) -> Option<Self> {
        let Body { error } = serde_json::from_slice(body).ok()?;
        let faults = error.details.into_iter();
        let faults =
            faults.map(|DetailBody { code, message, target }| Fault { code, message, target });
        Some(Self {
            status,
            rule: Rule::from_code(&error.inner_error.code),
            message: error.message,
            faults: faults.collect(),
            request_id: error.inner_error.request_id,
            retry_after,
        })
    }

    /// The status that is stored, from the detail `storedStatus`, whose message begins with it.
    pub fn stored_status(&self) -> Option<Status> {
        let detail = self.faults.iter().find(|fault| fault.code == "storedStatus")?;
        let (name, _) = detail.message.split_once(':')?;
        Some(Status::from_name(name))
    }

    /// The faults, or one that is made of the message.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        if self.faults.is_empty() {
            let code = self.rule.code().to_owned();
            return vec![Fault { code, message: self.message, target: String::new() }];
        }
        self.faults
    }
}

/// A text member of a JSON object; empty when it is absent.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
