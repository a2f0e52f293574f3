//! The table of runs.

use chrono::TimeDelta;
use flowruns_domain::{
    dashboard::ErrorLine, run::RunStatus, text::excerpt_within, timestamp::Timestamp,
};
use maud::{Markup, html};
use serde::{Serialize, Serializer};

use super::ListedRun;
use crate::{
    address::ChosenRun,
    links::Links,
    view::{
        choose,
        status::badge,
        time::{between, duration, ticking_duration, time},
    },
};

/// How much of the message of an error the table shows, in bytes.
const MESSAGE_BYTES: usize = 140;
/// Stands for the name of a flow that was deleted after its runs were read.
const DELETED_FLOW: &str = "deleted flow";

/// A run of the list at a time.
#[derive(Debug)]
pub(super) struct RunLine {
    listed: ListedRun,
    now: Timestamp,
}

impl RunLine {
    pub(super) const fn new(listed: ListedRun, now: Timestamp) -> Self {
        Self { listed, now }
    }

    pub(super) const fn status(&self) -> RunStatus {
        self.listed.run.state.status()
    }

    fn flow_name(&self) -> &str {
        self.listed.flow_name.as_deref().unwrap_or(DELETED_FLOW)
    }

    fn chosen(&self) -> ChosenRun {
        ChosenRun::new(self.listed.run.key, self.listed.run.version)
    }

    /// The time from the start to the end, or to now for a run in progress.
    fn length(&self) -> TimeDelta {
        let run = &self.listed.run;
        between(run.start, run.state.end().unwrap_or(self.now))
    }
}

/// The header of the table. The first column chooses runs to end.
pub(super) fn head(chooses: bool) -> Markup {
    html! {
        thead {
            tr {
                th.choose { span.sr { "Choose" } @if chooses { (choose::all()) } }
                th { "Status" }
                th { "Flow, run" }
                th aria-sort="descending" { "Start ↓" }
                th { "End" }
                th.num { "Duration" }
            }
        }
    }
}

impl RunLine {
    /// The id of the row: the end of the address of the run, which compresses well beside it.
    pub(super) fn row_id(&self) -> String {
        let key = self.listed.run.key;
        format!("{}/runs/{}", key.flow, key.run)
    }

    /// The row. It may have a check box.
    pub(super) fn row(&self, links: &Links, may_end: bool) -> Markup {
        let run = &self.listed.run;
        let is_choice = may_end && self.status() == RunStatus::Running;
        html! {
            tr.pick id=(self.row_id()) {
                td.choose.no[!is_choice] {
                    @if is_choice { (choose::check_box(self.chosen(), &format!("this run of {}", self.flow_name()))) }
                }
                td { (badge(self.status())) }
                td.full { (self.names(links)) }
                td.nowrap data-l="Start" { (time(run.start)) }
                @match run.state.end() {
                    Some(end) => {
                        td.nowrap data-l="End" { (time(end)) }
                        td.num data-l="Duration" { (duration(self.length())) }
                    }
                    None => {
                        td.nowrap data-l="End" { span.dim { "–" } }
                        td.num data-l="Duration" { (ticking_duration(run.start, self.now)) }
                    }
                }
            }
        }
    }

    fn names(&self, links: &Links) -> Markup {
        let run = &self.listed.run;
        html! {
            span.two {
                a.name href=(links.run(run.key)) { bdi { (self.flow_name()) } }
                span.why {
                    bdi { (run.display_name) }
                    @if let Some(error) = &self.listed.error { " · " (error_line(error)) }
                }
            }
        }
    }
}

fn error_line(error: &ErrorLine) -> Markup {
    html! {
        @if let Some(code) = &error.code { code { bdi { (excerpt_within(code, MESSAGE_BYTES)) } } " " }
        @if let Some(message) = &error.message { bdi { (excerpt_within(message, MESSAGE_BYTES)) } }
    }
}

/// A run as JSON. The properties that the API has too have its names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunObject<'a> {
    flow: FlowObject<'a>,
    id: String,
    display_name: &'a str,
    status: &'static str,
    start_date_time: String,
    end_date_time: Option<String>,
    seconds: f64,
    blocking_error: Option<ErrorObject<'a>>,
    version: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowObject<'a> {
    id: String,
    display_name: Option<&'a str>,
}

/// The code of an error and the beginning of its message.
#[derive(Serialize)]
struct ErrorObject<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl Serialize for RunLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ListedRun { run, flow_name, error } = &self.listed;
        let object = RunObject {
            flow: FlowObject { id: run.key.flow.to_string(), display_name: flow_name.as_deref() },
            id: run.key.run.to_string(),
            display_name: run.display_name.as_str(),
            status: run.state.status().as_str(),
            start_date_time: run.start.to_string(),
            end_date_time: run.state.end().map(|end| end.to_string()),
            seconds: seconds(self.length()),
            blocking_error: error.as_ref().map(|error| ErrorObject {
                code: error.code.as_deref(),
                message: error.message.as_deref(),
            }),
            version: run.version.number(),
        };
        object.serialize(serializer)
    }
}

/// A length in seconds, to the millisecond.
pub(super) fn seconds(length: TimeDelta) -> f64 {
    length.num_milliseconds() as f64 / 1000.0
}
