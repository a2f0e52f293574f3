//! `flowruns report start`.

use clap::Args;
use flowruns_client::{NewRun, RunId, Timestamp};
use serde_json::json;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::{Format, JsonArguments, Waiting, json, write},
    target::FlowTarget,
    time,
};

/// The run to start.
#[derive(Args, Debug)]
pub struct StartArguments {
    /// The flow: its id, an address of it, or its exact name
    #[arg(long, value_name = "FLOW", env = "FLOWRUNS_FLOW")]
    flow: FlowTarget,
    /// Create the flow if no flow has this name
    #[arg(long)]
    create_flow: bool,
    /// The name of the run [default: "Run of" and the time]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The id of the run, a UUID: with the same --id, --name and --start, a repeated start finds the run
    #[arg(long, value_name = "UUID")]
    id: Option<RunId>,
    /// When it started, with an offset [default: now]
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    #[command(flatten)]
    format: JsonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(super) fn run(arguments: &StartArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let client = arguments.connection.client(local)?;
    let waiting = Waiting::new("starting the run");
    let flow = match arguments.create_flow {
        true => arguments.flow.find_or_create(&client)?,
        false => arguments.flow.find(&client)?,
    };
    let start = arguments.start.unwrap_or_else(time::now);
    let name =
        arguments.name.clone().unwrap_or_else(|| format!("Run of {} UTC", time::shown(start)));
    let run = NewRun::new(name).start(start);
    let run = match arguments.id {
        Some(id) => run.id(id),
        None => run,
    };
    let run = flow.start(run)?;
    let address = run.address();
    run.hand_over();
    drop(waiting);
    let shown = json::address(address);
    let document =
        || json!({"run": shown, "flowId": address.flow.to_string(), "id": address.run.to_string()});
    write(&match arguments.format.format() {
        Format::People => format!("{shown}\n"),
        Format::Json => json::pretty(&document()),
        Format::Ndjson => json::line(&document()),
    })?;
    Ok(Exit::Done)
}
