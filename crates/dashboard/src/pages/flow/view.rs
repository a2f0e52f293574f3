//! What the page of a flow shows, as it is written in JSON too.

use std::collections::HashMap;

use flowruns_domain::{
    cadence::{UsualDuration, duration, usual_duration_of_work},
    dashboard::{ErrorLine, MemberPath, MemberValues, RecentRun},
    flow::Flow,
    id::{FlowId, FlowKey, RunId, RunKey},
    json::Number,
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
    version::Version,
};
use serde::Serialize;

use super::{
    marks::{Mark, marks},
    read::Reading,
};
use crate::{
    address::{FlowAddress, FlowRunPosition, Members},
    json,
    pages::streak::{FailureStreak, RunReference, UsualSeconds},
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
    #[serde(skip)]
    pub(super) usual: Option<UsualDuration>,
    usual_duration: Option<UsualSeconds>,
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
    pub(super) members: Vec<MemberPath>,
    /// The listed runs.
    pub(super) runs: Vec<RunRow>,
    /// The next page as JSON, below the prefix.
    #[serde(rename = "next")]
    next_json: Option<String>,
    #[serde(skip)]
    pub(super) next: Option<FlowRunPosition>,
    /// Whether the visitor may end runs.
    #[serde(skip)]
    pub(super) may_end: bool,
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
    pub(super) member: MemberPath,
    pub(super) values: Vec<Option<Number>>,
}

/// A listed run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunRow {
    #[serde(flatten)]
    pub(super) run: RunReference,
    /// The version that is shown, for actions on the run.
    #[serde(skip)]
    pub(super) version: Version,
    /// From start to end, or to now.
    pub(super) seconds: f64,
    pub(super) error: Option<ErrorExcerpt>,
    /// The values of the charted members, if they were read.
    pub(super) values: Option<Vec<Option<Number>>>,
}

impl FlowView {
    /// The view of what was read.
    pub(super) fn new(
        reading: Reading,
        (address, now): (FlowAddress, Timestamp),
        may_end: bool,
    ) -> Self {
        let Reading {
            flow,
            members,
            charted,
            newest: series,
            has_more,
            listed,
            next,
            errors,
            older_success,
        } = reading;
        let newest: Vec<RecentRun> = series.iter().map(|values| values.run.clone()).collect();
        let failing = FailureStreak::of(&newest, !has_more)
            .map(|streak| streak.with_last_good(older_success.as_ref()));
        let errors: HashMap<RunKey, ErrorExcerpt> =
            errors.into_iter().map(|line| (line.run, ErrorExcerpt::from(line))).collect();
        let error_of = |run: RunId| errors.get(&flow.key.run(run)).cloned();
        let usual = usual_duration_of_work(&newest);
        let (marks, cadence) = marks(&flow, &newest, now);
        let next = next.as_ref().map(FlowRunPosition::of);
        let next_page = next.clone().map(|next| address.with_after(Some(next)));
        Self {
            now,
            key: flow.key,
            usual,
            usual_duration: usual.map(Into::into),
            error: failing.as_ref().and_then(|streak| error_of(streak.newest.id)),
            with_errors: newest_with_errors(&newest),
            durations: newest.iter().map(|run| duration(run, now).as_secs_f64()).collect(),
            charts: charts(&charted, &series),
            runs: rows(&listed, &series, error_of, now),
            next_json: next_page.map(|page| page.json().to_string()),
            next,
            newest: newest.iter().map(Into::into).collect(),
            flow: FlowDocument::from(&flow),
            members,
            address,
            may_end,
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

/// The listed runs, with the values of those that are charted.
fn rows(
    listed: &[RecentRun],
    series: &[MemberValues],
    error_of: impl Fn(RunId) -> Option<ErrorExcerpt>,
    now: Timestamp,
) -> Vec<RunRow> {
    let values: HashMap<RunId, &[Option<Number>]> =
        series.iter().map(|values| (values.run.id, values.values.as_slice())).collect();
    let row = |run: &RecentRun| RunRow {
        run: run.into(),
        version: run.version,
        seconds: duration(run, now).as_secs_f64(),
        error: error_of(run.id),
        values: values.get(&run.id).map(|values| values.to_vec()),
    };
    listed.iter().map(row).collect()
}

/// The newest run that ended, if it completed with errors.
fn newest_with_errors(newest: &[RecentRun]) -> Option<RunReference> {
    let newest = newest.iter().find(|run| run.end().is_some())?;
    let has_errors = newest.status() == RunStatus::Ended(Outcome::CompletedWithErrors);
    has_errors.then(|| newest.into())
}

fn charts(charted: &Members, series: &[MemberValues]) -> Vec<MemberSeries> {
    let value = |values: &MemberValues, index: usize| values.values.get(index).copied().flatten();
    let charts = charted.paths().iter().enumerate().map(|(index, member)| MemberSeries {
        member: member.clone(),
        values: series.iter().map(|values| value(values, index)).collect(),
    });
    charts.collect()
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

impl From<ErrorLine> for ErrorExcerpt {
    fn from(line: ErrorLine) -> Self {
        let message = match (line.message, line.is_cut) {
            (Some(message), true) => Some(message + "…"),
            (message, _) => message,
        };
        Self { code: line.code, message }
    }
}
