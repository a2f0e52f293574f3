//! One write of a run. It can be sent any number of times, now or from the spool.

use bytes::Bytes;
use flowruns_domain::{json::JsonObject, timestamp::Timestamp};
use http::{Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Error, Status,
    address::{RunAddress, ServerAddress},
    read::RunRecord,
    send::{Answer, CLIENT_REQUEST_ID, Prepared},
};

/// The kind of a write.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StepKind {
    /// The creation, with an id of ours: repeated, it finds the run.
    Create,
    /// Statistics, merged.
    Progress,
    /// The end.
    End,
}

/// A write of a run, with the id that all attempts share in `client-request-id`.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    pub(crate) id: Uuid,
    pub(crate) body: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationBody<'a> {
    id: String,
    display_name: &'a str,
    start_date_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatchBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blocking_error: Option<&'a JsonObject>,
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    pub(crate) statistics: &'a JsonObject,
}

impl Step {
    pub(crate) fn create(id: Uuid, address: RunAddress, name: &str, start: Timestamp) -> Self {
        let body = CreationBody {
            id: address.run.to_string(),
            display_name: name,
            start_date_time: start.to_string(),
        };
        Self { kind: StepKind::Create, id, body: json(&body) }
    }

    pub(crate) fn progress(id: Uuid, statistics: &JsonObject) -> Self {
        let body =
            PatchBody { status: None, end_date_time: None, blocking_error: None, statistics };
        Self { kind: StepKind::Progress, id, body: json(&body) }
    }

    pub(crate) fn end(id: Uuid, body: &PatchBody<'_>) -> Self {
        Self { kind: StepKind::End, id, body: json(body) }
    }

    /// An end with this body.
    pub(super) fn of_json(id: Uuid, body: &Map<String, Value>) -> Self {
        Self { kind: StepKind::End, id, body: json(body) }
    }

    pub(crate) fn request(&self, server: &ServerAddress, address: RunAddress) -> Prepared {
        let (method, url) = match self.kind {
            StepKind::Create => (Method::POST, server.runs(address.flow)),
            StepKind::Progress | StepKind::End => (Method::PATCH, server.run(address)),
        };
        let mut request = Prepared::with_body(method, url, self.body.clone());
        if self.kind != StepKind::Create {
            // Any version: a server that demands a precondition accepts this one.
            request = request.header(header::IF_MATCH, "*");
        }
        request.header(CLIENT_REQUEST_ID, &self.id.to_string())
    }

    /// Whether a response of success shows the run with what this write says. Any other response says nothing of what is stored.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`].
    pub(crate) fn check(&self, answer: &Answer, address: RunAddress) -> Result<(), Error> {
        if self.kind == StepKind::Progress {
            // Its response has no body.
            return Ok(());
        }
        let run = RunRecord::read(answer)?;
        let reported = self.status();
        if run.address.run != address.run
            || reported.as_ref().is_some_and(|reported| *reported != run.status)
        {
            let RunRecord { address, status, .. } = run;
            return Err(Error::Unreadable(format!("it shows the run {} as {status}", address.run)));
        }
        Ok(())
    }

    /// The status that it reports.
    fn status(&self) -> Option<Status> {
        let body: Map<String, Value> = serde_json::from_slice(&self.body).ok()?;
        Some(Status::from_name(body.get("status")?.as_str()?))
    }
}

fn json(body: &impl Serialize) -> Bytes {
    // Texts and JSON objects always have a form in JSON.
    serde_json::to_vec(body).unwrap_or_default().into()
}
