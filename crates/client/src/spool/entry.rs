//! A file of the spool: what is left to send of one run.

use bytes::Bytes;
use flowruns_domain::{id::InvalidId, timestamp::Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    address::RunAddress,
    report::{Step, StepKind},
};

const VERSION: u32 = 1;

/// What is left to send of one run, in order. It has no token.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    version: u32,
    pub(super) server: String,
    flow: String,
    run: String,
    spooled_at: String,
    steps: Vec<EntryStep>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryStep {
    kind: StepKind,
    id: Uuid,
    body: String,
}

impl Entry {
    pub(super) fn new<'a>(
        now: Timestamp,
        server: &str,
        address: RunAddress,
        steps: impl IntoIterator<Item = &'a Step>,
    ) -> Self {
        let steps = steps.into_iter().map(|step| EntryStep {
            kind: step.kind,
            id: step.id,
            body: String::from_utf8_lossy(&step.body).into_owned(),
        });
        Self {
            version: VERSION,
            server: server.to_owned(),
            flow: address.flow.to_string(),
            run: address.run.to_string(),
            spooled_at: now.to_string(),
            steps: steps.collect(),
        }
    }

    /// Reads a file. `None` when it is none of this version.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(text).ok()?;
        (entry.version == VERSION && entry.address().is_ok()).then_some(entry)
    }

    pub(super) fn address(&self) -> Result<RunAddress, InvalidId> {
        Ok(RunAddress { flow: self.flow.parse()?, run: self.run.parse()? })
    }

    /// When it was written, by the clock of the machine that wrote it.
    pub(super) fn spooled_at(&self) -> Option<Timestamp> {
        self.spooled_at.parse().ok()
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let steps = self.steps.iter();
        steps.map(|step| Step {
            kind: step.kind,
            id: step.id,
            body: Bytes::copy_from_slice(step.body.as_bytes()),
        })
    }
}
