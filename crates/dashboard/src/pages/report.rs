//! The first steps: what to paste to report a run.

use flowruns_domain::{
    id::{FlowId, RunKey},
    query::{Direction, FlowOrder, FlowQuery, FlowSort, PageSize, RunQuery, RunScope},
    run::RunStatus,
    timestamp::Timestamp,
};
use maud::{Markup, html};
use serde::Serialize;

use crate::{
    address::Parameters,
    context::PageContext,
    json,
    links::{Links, REPORT},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::PageRequest,
    view::{status::badge, time::ticking_ago},
};

/// The id of the newest run.
const ARRIVAL: &str = "arrival";
/// The flow of the examples, when the tenant has none.
const NEW_FLOW_NAME: &str = "First flow";

/// How to report a run, with an example for each way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The address of the API.
    url: String,
    flow: ExampleFlow,
    newest_run: Option<NewestRun>,
}

/// The run that started last.
#[derive(Debug, Serialize)]
struct NewestRun {
    #[serde(skip)]
    key: RunKey,
    name: String,
    #[serde(serialize_with = "json::status")]
    status: RunStatus,
    #[serde(serialize_with = "json::text")]
    start: Timestamp,
    #[serde(skip)]
    now: Timestamp,
}

/// The flow of the examples.
#[derive(Debug, Serialize)]
struct ExampleFlow {
    #[serde(serialize_with = "json::optional_text")]
    id: Option<FlowId>,
    name: String,
}

pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    Parameters::of(request.query()).finish(REPORT)?;
    Report::load(&request).await.map(Page::new)
}

impl Report {
    /// Two statements: the first flow by name, and the newest run.
    async fn load(request: &PageRequest) -> Result<Self, Problem> {
        let one = PageSize::new(1).unwrap_or_default();
        let flows = FlowQuery {
            order: FlowOrder::new(FlowSort::DisplayName, Direction::Ascending),
            size: one,
            ..FlowQuery::new(request.tenant())
        };
        let flows = request.store().query_flows(&flows).await?;
        let runs = RunQuery { size: one, ..RunQuery::new(RunScope::Tenant(request.tenant())) };
        let runs = request.store().query_runs(&runs).await?;
        let newest = runs.and_then(|page| page.items.into_iter().next());
        let flow = flows.items.into_iter().next().map(|flow| ExampleFlow {
            id: Some(flow.key.flow),
            name: flow.properties.display_name.as_str().to_owned(),
        });
        let none = || ExampleFlow { id: None, name: NEW_FLOW_NAME.to_owned() };
        Ok(Self {
            url: request.page.origin.to_string(),
            flow: flow.unwrap_or_else(none),
            newest_run: newest.map(|run| NewestRun {
                key: run.summary.key,
                name: run.summary.display_name.as_str().to_owned(),
                status: run.summary.state.status(),
                start: run.summary.start,
                now: request.now,
            }),
        })
    }

    /// The first run, as soon as there is one.
    fn arrival(&self, links: &Links) -> Markup {
        html! {
            p #(ARRIVAL).note role="status" {
                @match &self.newest_run {
                    Some(run) => {
                        span { "Newest run:" }
                        a.name href=(links.run(run.key)) { bdi { (run.name) } }
                        (badge(run.status))
                        span.dim { "started " (ticking_ago(run.start, run.now)) }
                    }
                    None => "No run has been reported yet. When the first one arrives, this page shows it.",
                }
            }
        }
    }

    /// With a flow that is created with the first run if the tenant has none.
    fn exec(&self) -> String {
        let flow = match self.flow.id {
            Some(flow) => flow.to_string(),
            None => format!("\"{NEW_FLOW_NAME}\" --create-flow"),
        };
        format!("flowruns exec --flow {flow} -- COMMAND")
    }

    fn curl(&self) -> String {
        let create = match self.flow.id {
            Some(flow) => format!("FLOW={flow}"),
            None => format!(
                "FLOW=$(curl -sf \"$FLOWS\" -H \"$AUTH\" -H \"$JSON\" -d '{{\"displayName\":\"{NEW_FLOW_NAME}\"}}' |\n  sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/')"
            ),
        };
        format!(
            "FLOWS={}/industryData/incomingFlows\nAUTH=\"Authorization: Bearer $(flowruns token)\"\nJSON='Content-Type: application/json'\n{create}\nRUN=$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen)\ncurl \"$FLOWS/$FLOW/runs\" -H \"$AUTH\" -H \"$JSON\" \\\n  -d \"{{\\\"id\\\":\\\"$RUN\\\",\\\"displayName\\\":\\\"First run\\\"}}\"\ncurl -X PATCH \"$FLOWS/$FLOW/runs/$RUN\" -H \"$AUTH\" -H \"$JSON\" \\\n  -d '{{\"status\":\"completed\",\"statistics\":{{\"rows\":1200}}}}'",
            self.url
        )
    }

    fn rust(&self) -> String {
        format!(
            "let client = flowruns_client::Client::from_env()?;\nlet run = client.flow({:?}).await?.start(\"First run\").await?;\nrun.progress(&json!({{\"rows\": 600}}))?;\nrun.complete(json!({{\"rows\": 1200}})).await?;",
            self.flow.name
        )
    }
}

impl View for Report {
    fn title(&self) -> String {
        "Report a run".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Report)
    }

    fn body(&self, _page: &PageContext, fragments: &Fragments) -> Markup {
        html! {
            section.panel.hero {
                h1 { "Report a run" }
                p { "Each of these ways reports a run of the flow " bdi { b { (self.flow.name) } } "." }
                (fragments.get(ARRIVAL))
            }
            div.ways {
                (way(1, "Any command", "In front of a command, in a shell, a crontab or a scheduler. Its start, its end, its exit code and the last lines of a failure are reported; the command itself runs as before, also while this server is away.", &self.exec(), "way-exec"))
                (way(2, "curl", "Two requests: one when the run starts, one when it ends.", &self.curl(), "way-curl"))
                (way(3, "Rust", "With FLOWRUNS_URL and FLOWRUNS_TOKEN in the environment. A run that is dropped without an outcome, by a panic or a cancelled task, is reported as failed.", &self.rust(), "way-rust"))
            }
            section.panel {
                header { h2 { "Tokens" } }
                div.body.prose {
                    p { code { "flowruns token" } " prints a token of one hour, signed by the key of this server: run it where the server runs, with the same configuration, or send the output of " code { "cargo run -q --release -- token" } " from its sources. With an issuer configured, tokens come from the issuer." }
                }
            }
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        [Fragment::new(ARRIVAL, self.arrival(links))].into_iter().collect()
    }

    fn is_live(&self) -> bool {
        true
    }
}

fn way(number: u8, title: &str, text: &str, command: &str, id: &str) -> Markup {
    html! {
        section.panel.way {
            div {
                h2 { span.step { (number) } " " (title) }
                p.dim { (text) }
            }
            div.copy {
                button type="button" data-copy={ "#" (id) } { "Copy" }
                pre.wrap id=(id) tabindex="0" aria-label={ "Example: " (title) } { (command) }
            }
        }
    }
}
