//! The runs of a filter as CSV: `/ui/runs.csv`.
//!
//! The response is sent while it is made, page by page, so that its memory does not grow with its length. A failure on the way
//! ends it with an error, so that no client takes it for the whole.
//!
//! An export of many runs ends after [`MAX_ROWS`]. A record that says so would be read as a run, and the header of the response
//! is sent before the last run is read. So the place where the export ends is found first, from the keys of the runs alone; the
//! response then has the address of the rest in its header `Link`, and the file another name.

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
use flowruns_http::{RequestError, StreamingResponse};
use futures_util::{Stream, StreamExt as _, stream};

use super::{
    csv::CsvWriter,
    read::{ListedRun, RunsPage, read_page, read_runs},
    table::seconds,
};
use crate::{
    address::{RunPosition, RunsAddress},
    links::RUNS_CSV,
    page::Page,
    problem::Problem,
    request::PageRequest,
    view::time::between,
};

/// The largest number of runs of an export.
pub(super) const MAX_ROWS: usize = 10_000;
/// The largest number of pages in which the end of an export is sought. Pages of a filter that few runs match are short or
/// empty.
const MAX_PAGES: usize = 100;
const PAGE_ROWS: u16 = 500;
/// The runs of a page that is only read for its end.
const KEYS_ROWS: u16 = PageSize::MAX;
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
/// The name of a file that has not all runs.
const ATTACHED_PART: HeaderValue =
    HeaderValue::from_static("attachment; filename=\"flowruns-runs-part.csv\"");

/// What is left of an export.
struct Export {
    environment: Environment,
    tenant: TenantId,
    /// The address of the next page.
    address: RunsAddress,
    /// The time of the request, from which `since` counts.
    now: Timestamp,
    /// The last run of the export, if there are others after it.
    end: Option<RunPosition>,
    rows: usize,
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
        end: None,
        rows: 0,
    };
    // The first page is read before the response begins, so that its failure is a page of a problem.
    let (first, rest) = export.next().await?;
    let rest = match rest {
        Some(rest) => Some(rest.with_end().await?),
        None => None,
    };
    let end = rest.as_ref().and_then(|rest| Some(rest.address.after(Some(rest.end?))));
    let first = stream::iter([Ok(header_record() + &first)]);
    let text = first.chain(pages(rest));
    let mut response = Response::new(Body::from_stream(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CSV);
    headers.insert(header::CONTENT_DISPOSITION, ATTACHMENT);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Some(end) = end {
        headers.insert(header::CONTENT_DISPOSITION, ATTACHED_PART);
        let rest = format!("{}{}", request.page.origin, end.at(RUNS_CSV));
        let link = HeaderValue::from_str(&format!("<{rest}>; rel=\"next\""));
        headers.insert(header::LINK, link.map_err(RequestError::internal)?);
    }
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
        let size = PageSize::new(PAGE_ROWS).unwrap_or_default();
        let page = (&self.address, self.now);
        let RunsPage { mut runs, next } =
            read_page(&self.environment, self.tenant, page, size).await?;
        // The runs are in the order of their positions, the latest start first.
        let is_before_end = |run: &ListedRun| {
            self.end.is_none_or(|end| !RunPosition::of_run(&run.run).is_after(end))
        };
        runs.truncate(runs.iter().take_while(|run| is_before_end(run)).count());
        let now = self.environment.clock.now();
        let mut csv = CsvWriter::new();
        runs.iter().for_each(|run| write_run(&mut csv, run, now));
        self.rows += runs.len();
        let is_last = next.is_none_or(|next| self.end.is_some_and(|end| !end.is_after(next)));
        self.address = self.address.after(next);
        Ok((csv.take(), (!is_last).then_some(self)))
    }

    /// The same export with the place where it ends. It reads the runs without names and errors, in at most [`MAX_PAGES`]
    /// statements.
    async fn with_end(self) -> Result<Self, ServiceError> {
        let (mut address, mut left) = (self.address.clone(), MAX_ROWS - self.rows);
        for _ in 0..MAX_PAGES {
            let rows = u16::try_from(left).unwrap_or(KEYS_ROWS).min(KEYS_ROWS);
            let size = PageSize::new(rows).unwrap_or_default();
            let (runs, next) =
                read_runs(&self.environment, self.tenant, (&address, self.now), size).await?;
            let Some(next) = next else {
                return Ok(self);
            };
            left -= runs.len();
            address = address.after(Some(next));
            if left == 0 {
                break;
            }
        }
        Ok(Self { end: address.after, ..self })
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
