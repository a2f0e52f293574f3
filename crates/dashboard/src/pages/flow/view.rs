//! What the page of a flow shows, as it is written in JSON too.

use std::collections::HashMap;

use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey},
    run::{Outcome, RunState, RunStatus, RunSummary},
    timestamp::Timestamp,
};
use serde::Serialize;

use super::{
    marks::{Mark, marks},
    read::Reading,
};
use crate::{
    address::{FlowAddress, FlowRunPosition, MemberName},
    json,
    pages::streak::{FailureStreak, RunReference, is_good},
    view::{chart::UsualDuration, time::between},
};

/// The page of a flow.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowView {
    #[serde(skip)]
    pub(super) now: Timestamp,
    #[serde(skip)]
    pub(super) key: FlowKey,
    #[serde(skip)]
    pub(super) address: FlowAddress,
    pub(super) flow: FlowDocument,
    pub(super) marks: Vec<Mark>,
    /// How often it usually runs, in words.
    pub(super) cadence: Option<String>,
    pub(super) usual_duration: Option<UsualDuration>,
    /// The failures in a row of the newest runs.
    pub(super) failing: Option<FailureStreak>,
    /// The error of the newest of them.
    pub(super) error: Option<ErrorExcerpt>,
    /// The newest run, if it completed with errors.
    pub(super) with_errors: Option<RunReference>,
    /// The newest runs, the newest first.
    pub(super) newest: Vec<RunReference>,
    #[serde(skip)]
    pub(super) durations: Vec<f64>,
    /// The charted members of statistics.
    pub(super) charts: Vec<MemberSeries>,
    #[serde(skip)]
    pub(super) members: Vec<MemberName>,
    /// The listed runs.
    pub(super) runs: Vec<RunRow>,
    #[serde(serialize_with = "json::optional_text")]
    pub(super) next: Option<FlowRunPosition>,
}

/// The flow with the names of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowDocument {
    #[serde(serialize_with = "json::text")]
    pub(super) id: FlowId,
    #[serde(rename = "displayName")]
    pub(super) name: String,
    #[serde(rename = "readinessStatus")]
    pub(super) readiness: &'static str,
    pub(super) data_domain: &'static str,
}

/// The code and the beginning of the message of an error.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct ErrorExcerpt {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// The values of a member of statistics in the newest runs, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct MemberSeries {
    #[serde(serialize_with = "json::text")]
    pub(super) member: MemberName,
    pub(super) values: Vec<Option<f64>>,
}

/// A listed run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunRow {
    #[serde(flatten)]
    pub(super) run: RunReference,
    #[serde(rename = "endDateTime", serialize_with = "json::optional_text")]
    pub(super) end: Option<Timestamp>,
    /// From start to end, or to now.
    pub(super) seconds: f64,
    pub(super) error: Option<ErrorExcerpt>,
    /// The values of the charted members, if they were read.
    pub(super) values: Option<Vec<Option<f64>>>,
}

impl FlowView {
    /// The view of what was read.
    pub(super) fn new(reading: Reading, address: FlowAddress, now: Timestamp) -> Self {
        let failing = failing(&reading);
        let errors: HashMap<RunKey, ErrorExcerpt> =
            reading.errors.iter().map(|line| (line.run, ErrorExcerpt::from(line))).collect();
        let key = reading.flow.key;
        let error = failing.as_ref().and_then(|streak| errors.get(&key.run(streak.newest.id)));
        let values = values_by_run(&reading);
        let row = |run: &RunSummary| RunRow {
            run: run.into(),
            end: run.state.end(),
            seconds: seconds(run, now),
            error: errors.get(&run.key).cloned(),
            values: values.get(&run.key.run).cloned(),
        };
        let (marks, cadence) = marks(&reading.flow, &reading.newest, now);
        Self {
            now,
            key,
            usual_duration: usual_duration(&reading.newest),
            error: error.cloned(),
            with_errors: newest_with_errors(&reading.newest),
            durations: reading.newest.iter().map(|run| seconds(run, now)).collect(),
            charts: charts(&reading, &values),
            runs: reading.listed.iter().map(row).collect(),
            next: reading.next.as_ref().map(FlowRunPosition::of),
            newest: reading.newest.iter().map(Into::into).collect(),
            flow: FlowDocument::from(&reading.flow),
            members: reading.members,
            address,
            marks,
            cadence,
            failing,
        }
    }

    /// How many of the newest runs have a status.
    pub(super) fn count(&self, status: RunStatus) -> usize {
        self.newest.iter().filter(|run| run.status == status).count()
    }
}

/// From start to end, or to now, in seconds.
fn seconds(run: &RunSummary, now: Timestamp) -> f64 {
    between(run.start, run.state.end().unwrap_or(now)).as_seconds_f64()
}

/// The usual duration of the runs that ended and did not fail.
pub(crate) fn usual_duration(runs: &[RunSummary]) -> Option<UsualDuration> {
    UsualDuration::of(runs.iter().filter_map(|run| match run.state {
        RunState::Running | RunState::Ended { outcome: Outcome::Failed, .. } => None,
        RunState::Ended { at, .. } => Some(between(run.start, at).as_seconds_f64()),
    }))
}

/// The failures in a row of the newest runs, with a good run that may be older than those.
fn failing(reading: &Reading) -> Option<FailureStreak> {
    let streak = FailureStreak::of(&reading.newest, reading.are_all)?;
    let older_good = reading.older_good.as_ref().map(Into::into);
    Some(FailureStreak { last_good: streak.last_good.or(older_good), ..streak })
}

fn newest_with_errors(newest: &[RunSummary]) -> Option<RunReference> {
    let newest = newest.iter().find(|run| run.state.end().is_some())?;
    let status = newest.state.status();
    let is_failed = status == RunStatus::Ended(Outcome::Failed);
    (!is_failed && !is_good(status)).then(|| newest.into())
}

/// The values of the charted members, by run.
fn values_by_run(reading: &Reading) -> HashMap<RunId, Vec<Option<f64>>> {
    reading.values.iter().map(|values| (values.run, values.numbers())).collect()
}

fn charts(reading: &Reading, values: &HashMap<RunId, Vec<Option<f64>>>) -> Vec<MemberSeries> {
    let value = |run: &RunSummary, member: usize| {
        values.get(&run.key.run).and_then(|values| values.get(member).copied().flatten())
    };
    let series = reading.charted.iter().enumerate().map(|(index, member)| MemberSeries {
        member: member.clone(),
        values: reading.newest.iter().map(|run| value(run, index)).collect(),
    });
    series.collect()
}

impl From<&Flow> for FlowDocument {
    fn from(flow: &Flow) -> Self {
        Self {
            id: flow.key.flow,
            name: flow.properties.display_name.as_str().to_owned(),
            readiness: flow.properties.readiness_status.as_str(),
            data_domain: flow.properties.data_domain.as_str(),
        }
    }
}

impl From<&flowruns_domain::dashboard::ErrorLine> for ErrorExcerpt {
    fn from(line: &flowruns_domain::dashboard::ErrorLine) -> Self {
        Self { code: line.code.clone(), message: line.message.clone() }
    }
}
