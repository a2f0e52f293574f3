//! `flowruns show`: one run, its history, and its statistics beside those of another run.

mod against;
mod document;
mod text;

use clap::Args;
use flowruns_client::{HistoryEntry, RunRecord, blocking::Client};

use self::against::{Against, other_run};
use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::{Format, JsonArguments, Terminal, Waiting, json, write},
    target::RunTarget,
};

/// The run, and what to show of it.
#[derive(Args, Debug)]
pub struct ShowArguments {
    /// The run: FLOW/RUN, an address of the API or the dashboard, or its id
    #[arg(value_name = "RUN")]
    run: RunTarget,
    /// Show who changed what, and when
    #[arg(long)]
    history: bool,
    /// Show its statistics beside those of another run of the flow: the run before, the last before that completed, or a RUN
    #[arg(long, value_name = "before|completed|RUN")]
    against: Option<Against>,
    /// Show only the statistics that differ
    #[arg(long, requires = "against")]
    only_differences: bool,
    /// Exit with 1 if the run has failed and with 3 if it has completed with errors
    #[arg(long)]
    exit_status: bool,
    #[command(flatten)]
    format: JsonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// What is shown.
struct Shown {
    flow_name: String,
    /// The address in the dashboard.
    page: String,
    run: RunRecord,
    other: Option<RunRecord>,
    only_differences: bool,
    history: Option<Vec<HistoryEntry>>,
}

pub(crate) fn run(arguments: &ShowArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let client = arguments.connection.reading_client(local)?;
    let waiting = Waiting::new("reading the run");
    let shown = read(arguments, &client)?;
    drop(waiting);
    write(&match arguments.format.format() {
        Format::People => shown.text(Terminal::of_stdout()),
        Format::Json => json::pretty(&shown.document()),
        Format::Ndjson => json::line(&shown.document()),
    })?;
    Ok(match arguments.exit_status {
        true => Exit::of_status(&shown.run.status),
        false => Exit::Done,
    })
}

fn read(arguments: &ShowArguments, client: &Client) -> Result<Shown, Failure> {
    let run = arguments.run.read(client)?;
    let flow = client.flow_record(run.address.flow)?;
    let other = match &arguments.against {
        Some(against) => Some(other_run(client, &run, against)?),
        None => None,
    };
    let history = match arguments.history {
        true => Some(client.history(run.address).collect::<Result<Vec<_>, _>>()?),
        false => None,
    };
    Ok(Shown {
        flow_name: flow.display_name,
        page: format!(
            "{}/ui/flows/{}/runs/{}",
            client.asynchronous().server(),
            run.address.flow,
            run.address.run
        ),
        run,
        other,
        only_differences: arguments.only_differences,
        history,
    })
}
