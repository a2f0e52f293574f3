//! The runs of a filter as CSV: `/ui/runs.csv`.
//!
//! The response is sent while it is made, page by page, so that its memory does not grow with its length. A failure on the way
//! ends it with an error, so that no client takes it for the whole.

use std::io;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use flowruns_domain::{
    id::TenantId,
    query::PageSize,
    service::{Environment, ServiceError},
    timestamp::Timestamp,
};
use flowruns_http::StreamingResponse;
use futures_util::{Stream, StreamExt as _, stream};

use super::{
    csv::CsvWriter,
    read::{ListedRun, RunsPage, read_page},
    table::seconds,
};
use crate::{
    address::RunsAddress, links::RUNS_CSV, page::Page, problem::Problem, request::PageRequest,
    view::time::between,
};

/// The largest number of runs of an export.
pub(super) const MAX_ROWS: usize = 10_000;
/// The largest number of pages that an export reads. Pages of a filter that few runs match are short or empty.
const MAX_PAGES: usize = 100;
const PAGE_ROWS: u16 = 500;
const COLUMNS: [&str; 10] = [
    "flowId",
    "flow",
    "runId",
    "run",
    "status",
    "startDateTime",
    "endDateTime",
    "seconds",
    "errorCode",
    "errorMessage",
];
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
const ATTACHMENT: HeaderValue =
    HeaderValue::from_static("attachment; filename=\"flowruns-runs.csv\"");

/// What is left of an export.
struct Export {
    environment: Environment,
    tenant: TenantId,
    /// The address of the next page.
    address: RunsAddress,
    /// The time of the request, from which `since` counts.
    now: Timestamp,
    /// The address of this server as the client sees it.
    origin: String,
    rows: usize,
    pages: usize,
}

/// The export of the runs of a filter.
///
/// # Errors
///
/// 400 for unknown parameters, 503 when the store is unavailable.
pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let address = RunsAddress::parse(request.query())?;
    let export = Export {
        environment: request.dashboard.options.environment.clone(),
        tenant: request.tenant(),
        address,
        now: request.now,
        origin: request.page.origin.to_string(),
        rows: 0,
        pages: 0,
    };
    // The first page is read before the response begins, so that its failure is a page of a problem.
    let (first, rest) = export.next().await?;
    let first = stream::iter([Ok(header_record() + &first)]);
    let text = first.chain(pages(rest));
    let mut response = Response::new(Body::from_stream(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CSV);
    headers.insert(header::CONTENT_DISPOSITION, ATTACHMENT);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response.extensions_mut().insert(StreamingResponse);
    Ok(Page::Response(Box::new(response)))
}

/// The records of all further pages.
fn pages(export: Option<Export>) -> impl Stream<Item = io::Result<String>> + Send {
    stream::try_unfold(export, |export| async {
        match export {
            None => Ok(None),
            Some(export) => export.next().await.map(Some).map_err(|error| {
                tracing::warn!(%error, "an export of runs was cut off");
                io::Error::other(error)
            }),
        }
    })
}

impl Export {
    /// The records of the next page, and what is left then.
    async fn next(mut self) -> Result<(String, Option<Self>), ServiceError> {
        let left = u16::try_from(MAX_ROWS - self.rows).unwrap_or(u16::MAX);
        let size = PageSize::new(PAGE_ROWS.min(left)).unwrap_or_default();
        let page = (&self.address, self.now);
        let RunsPage { runs, next } = read_page(&self.environment, self.tenant, page, size).await?;
        let now = self.environment.clock.now();
        let mut csv = CsvWriter::new();
        runs.iter().for_each(|run| write_run(&mut csv, run, now));
        self.rows += runs.len();
        self.pages += 1;
        let Some(next) = next else {
            return Ok((csv.take(), None));
        };
        self.address = self.address.after(Some(next));
        if self.rows < MAX_ROWS && self.pages < MAX_PAGES {
            return Ok((csv.take(), Some(self)));
        }
        self.write_end(&mut csv);
        Ok((csv.take(), None))
    }

    /// A last record that says that runs are missing, and where they are.
    fn write_end(&self, csv: &mut CsvWriter) {
        let rest = format!("{}{}", self.origin, self.address.at(RUNS_CSV));
        csv.text(&format!("cut after {} runs; the rest: {rest}", self.rows));
        COLUMNS.iter().skip(1).for_each(|_| csv.plain(""));
        csv.end_record();
    }
}

fn header_record() -> String {
    let mut csv = CsvWriter::new();
    COLUMNS.iter().for_each(|column| csv.plain(column));
    csv.end_record();
    csv.take()
}

fn write_run(csv: &mut CsvWriter, listed: &ListedRun, now: Timestamp) {
    let ListedRun { run, flow_name, error } = listed;
    let end = run.state.end();
    csv.plain(&run.key.flow.to_string());
    csv.text(flow_name.as_deref().unwrap_or_default());
    csv.plain(&run.key.run.to_string());
    csv.text(run.display_name.as_str());
    csv.plain(run.state.status().as_str());
    csv.plain(&run.start.to_string());
    csv.plain(&end.map(|end| end.to_string()).unwrap_or_default());
    csv.plain(&seconds(between(run.start, end.unwrap_or(now))).to_string());
    let error = error.as_ref();
    csv.text(error.and_then(|error| error.code.as_deref()).unwrap_or_default());
    csv.text(error.and_then(|error| error.message.as_deref()).unwrap_or_default());
    csv.end_record();
}
