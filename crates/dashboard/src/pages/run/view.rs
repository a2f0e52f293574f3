//! What the page of a run shows, as it is written in JSON too.

use flowruns_domain::{
    cadence::{UsualDuration, duration, is_stale, usual_duration, usual_duration_of_work},
    dashboard::{Neighbours, RecentRun},
    flow::Flow,
    id::{FlowId, RunId, RunKey},
    json::JsonObject,
    query::RunDetails,
    run::{Outcome, PublicError, Run, RunEvent, RunStatus},
    timestamp::Timestamp,
    version::Version,
};
use serde::Serialize;

use super::{
    error::ErrorView,
    history::{self, HistoryItem},
    read::{Choice, Reading},
};
use crate::{
    address::RunPageAddress,
    json,
    page::OFFLOAD,
    pages::streak::{FailureStreak, RunReference, UsualSeconds},
    view::{
        statistics::{self, Compared, Comparison},
        time::{between, rough_length, seconds},
    },
};

/// The page of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunView {
    #[serde(skip)]
    pub(super) now: Timestamp,
    #[serde(skip)]
    pub(super) key: RunKey,
    #[serde(skip)]
    pub(super) address: RunPageAddress,
    pub(super) flow: FlowReference,
    pub(super) run: RunDocument,
    /// The failures in a row that end with this run.
    pub(super) failing: Option<FailureStreak>,
    #[serde(skip)]
    pub(super) usual: Option<UsualDuration>,
    usual_duration: Option<UsualSeconds>,
    /// Why the run may be stale.
    pub(super) stale: Option<String>,
    pub(super) previous: Option<RunReference>,
    pub(super) next: Option<RunReference>,
    pub(super) compared_with: Option<RunReference>,
    #[serde(skip)]
    pub(super) choice: Choice,
    pub(super) comparison: Comparison,
    pub(super) history: Vec<EventDocument>,
    #[serde(skip)]
    pub(super) items: Vec<HistoryItem>,
    #[serde(skip)]
    pub(super) error: Option<ErrorView>,
    #[serde(skip)]
    pub(super) seen: Option<SeenBefore>,
}

/// A flow as its runs refer to it.
#[derive(Debug, Serialize)]
pub(crate) struct FlowReference {
    #[serde(serialize_with = "json::text")]
    pub(super) id: FlowId,
    #[serde(rename = "displayName")]
    pub(super) name: String,
}

/// The run with the names of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunDocument {
    #[serde(serialize_with = "json::text")]
    id: RunId,
    #[serde(rename = "displayName")]
    pub(super) name: String,
    #[serde(rename = "startDateTime", serialize_with = "json::text")]
    pub(super) start: Timestamp,
    #[serde(rename = "endDateTime", serialize_with = "json::optional_text")]
    pub(super) end: Option<Timestamp>,
    #[serde(serialize_with = "json::status")]
    pub(super) status: RunStatus,
    blocking_error: Option<JsonObject>,
    pub(super) statistics: JsonObject,
    #[serde(serialize_with = "json::text")]
    pub(super) version: Version,
    #[serde(rename = "lastModifiedDateTime", serialize_with = "json::text")]
    pub(super) modified: Timestamp,
}

/// An entry of the history with the names of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventDocument {
    pub(super) version: i64,
    #[serde(rename = "occurredDateTime", serialize_with = "json::text")]
    occurred: Timestamp,
    pub(super) actor: String,
    #[serde(serialize_with = "json::text")]
    request_id: uuid::Uuid,
    action: &'static str,
    changes: Vec<ChangeDocument>,
}

#[derive(Debug, Serialize)]
struct ChangeDocument {
    property: String,
    before: flowruns_domain::json::JsonValue,
    after: flowruns_domain::json::JsonValue,
}

/// How often the runs before had an error with the code of this run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SeenBefore {
    pub(super) runs: usize,
    pub(super) of: usize,
}

impl RunView {
    /// The view of what was read; of long documents it is built on another thread.
    pub(super) async fn build(reading: Reading, address: RunPageAddress, now: Timestamp) -> Self {
        let bytes = reading.document_bytes();
        OFFLOAD.run_if_long(bytes, move || Self::new(reading, address, now)).await
    }

    fn new(reading: Reading, address: RunPageAddress, now: Timestamp) -> Self {
        let Reading { flow, run, are_all_earlier, neighbours, newest, other, events } = reading;
        let Neighbours { before, after, success } = neighbours;
        let earlier: Vec<RecentRun> = before.iter().map(|earlier| earlier.run.clone()).collect();
        let detailed: Vec<RunDetails> =
            before.into_iter().filter_map(|earlier| earlier.details).collect();
        let status = run.properties.state.status();
        let usual = usual_duration_of_work(&earlier);
        let earlier_statistics: Vec<JsonObject> =
            detailed.iter().map(|run| run.statistics.members()).collect();
        let other_statistics = other.as_ref().map(|other| other.statistics.members());
        let comparison = statistics::compare(&Compared {
            this: &run.properties.statistics.members(),
            other: other_statistics.as_ref(),
            earlier: &earlier_statistics.iter().collect::<Vec<_>>(),
            is_judged: status != RunStatus::Running,
            only_differences: address.only_differences,
        });
        let error = run.properties.blocking_error.as_ref();
        Self {
            now,
            key: run.key,
            address,
            failing: failing(&run, &earlier, are_all_earlier)
                .map(|streak| streak.with_last_good(success.as_ref())),
            stale: stale(&run, &newest, now),
            usual,
            usual_duration: usual.map(Into::into),
            previous: earlier.first().map(Into::into),
            next: after.as_ref().map(Into::into),
            compared_with: other.as_ref().map(|other| (&other.run).into()),
            choice: Choice::of(address.against, status),
            comparison,
            items: history::items(&events),
            history: events.into_iter().map(EventDocument::from).collect(),
            seen: error.and_then(|error| {
                SeenBefore::new(error, detailed.iter().map(|run| run.blocking_error.as_ref()))
            }),
            error: error.map(ErrorView::new),
            flow: FlowReference::from(&flow),
            run: RunDocument::from(run),
        }
    }

    /// From start to end, or to now, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        let length = between(self.run.start, self.run.end.unwrap_or(self.now));
        length.as_seconds_f64()
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.status == RunStatus::Running
    }
}

/// The failures up to this run, if it failed.
fn failing(run: &Run, earlier: &[RecentRun], are_all_earlier: bool) -> Option<FailureStreak> {
    let failed = run.properties.state.status() == RunStatus::Ended(Outcome::Failed);
    let this = RecentRun::from(run);
    let runs: Vec<RecentRun> = [this].into_iter().chain(earlier.iter().cloned()).collect();
    FailureStreak::of(&runs, are_all_earlier).filter(|_| failed)
}

/// Why a run in progress may be stale, in words.
fn stale(run: &Run, newest: &[RecentRun], now: Timestamp) -> Option<String> {
    let run = RecentRun::from(run);
    let usual = usual_duration(newest).filter(|usual| is_stale(&run, Some(*usual), now))?;
    Some(format!(
        "It has been running for {}; nine in ten runs end within {}.",
        rough_length(duration(&run, now)),
        seconds(usual.ninetieth.as_secs_f64())
    ))
}

impl SeenBefore {
    fn new<'a>(
        error: &PublicError,
        before: impl Iterator<Item = Option<&'a PublicError>>,
    ) -> Option<Self> {
        let code = error.members().get("code")?;
        let errors: Vec<Option<&PublicError>> = before.collect();
        let has_code = |error: &&PublicError| error.members().get("code") == Some(code);
        let runs = errors.iter().flatten().filter(|error| has_code(error)).count();
        Some(Self { runs, of: errors.len() }).filter(|seen| seen.of > 0)
    }
}

impl From<&Flow> for FlowReference {
    fn from(flow: &Flow) -> Self {
        let name = flow.properties.display_name.as_str().to_owned();
        Self { id: flow.key.flow, name }
    }
}

impl From<Run> for RunDocument {
    fn from(run: Run) -> Self {
        let properties = run.properties;
        Self {
            id: run.key.run,
            name: properties.display_name.as_str().to_owned(),
            start: properties.start,
            end: properties.state.end(),
            status: properties.state.status(),
            blocking_error: properties.blocking_error.map(|error| error.members().clone()),
            statistics: properties.statistics.members(),
            version: run.version,
            modified: run.modified,
        }
    }
}

impl From<RunEvent> for EventDocument {
    fn from(event: RunEvent) -> Self {
        let changes = event.changes.into_iter().map(|change| ChangeDocument {
            property: change.property,
            before: change.before,
            after: change.after,
        });
        Self {
            version: event.version.number(),
            occurred: event.occurred,
            actor: event.actor,
            request_id: event.request,
            action: event.action.as_str(),
            changes: changes.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use flowruns_domain::run::NewRun;
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, new_run, object, origin, run_key};
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    /// A view of a run with statistics of this many bytes.
    async fn view(bytes: usize) -> RunView {
        let flow = fresh_flow(fresh_tenant());
        let statistics = object(&format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes)));
        let new = NewRun { statistics, ..new_run() };
        let created = new.create(run_key(flow.key, 1), &origin()).unwrap();
        let address = RunPageAddress::new(flow.key.flow, created.run.key.run);
        let reading = Reading {
            flow,
            run: created.run,
            are_all_earlier: true,
            neighbours: Neighbours::default(),
            newest: Vec::new(),
            other: None,
            events: vec![created.event],
        };
        RunView::build(reading, address, Timestamp::default()).await
    }

    #[tokio::test]
    async fn a_view_of_long_documents_is_built_within_the_limit_of_such_work() {
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = oneshot::channel();
        let work = move || {
            begin.send(()).unwrap();
            let _dropped = released.recv();
        };
        let other_work = tokio::spawn(OFFLOAD.run(work));
        begun.await.unwrap();
        let short = view(1000).now_or_never();
        assert!(short.is_some(), "a short one is built at once");
        let mut long = Box::pin(view(60_000));
        assert!(long.as_mut().now_or_never().is_none(), "a long one waits for the other work");
        drop(release);
        other_work.await.unwrap();
        assert_eq!(long.await.history.len(), 1);
    }
}
