//! Runs many clients against a deployment, and checks its guarantees. Without `--url` it checks the memory store.

#![expect(clippy::print_stdout, reason = "the summary is what the command is for")]

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use flowruns_checker::{
    HttpTarget, Length, LoadPlan, StoreTarget, Stored, Summary, Target, Violation, check, run_load,
};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    id::FlowId,
    service::Environment,
    store::FlowStore as _,
};
use flowruns_testing::{MemoryStore, fixtures};

/// The number of violations that are printed.
const SHOWN: usize = 20;

/// Sends random reports to a flow from many clients at the same time, and checks every guarantee of the contract.
#[derive(Parser)]
struct Arguments {
    /// A server, such as http://127.0.0.1:8080; several must share one database
    #[arg(long = "url", requires = "token")]
    urls: Vec<String>,
    /// A bearer token that may write runs, and flows unless --flow is given
    #[arg(long, env = "CHECKER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The flow to create the runs in [default: a new one]
    #[arg(long, requires = "urls")]
    flow: Option<String>,
    /// Concurrent clients
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Runs
    #[arg(long, default_value_t = 12)]
    runs: usize,
    /// The number of runs that get most of the reports
    #[arg(long, default_value_t = 3)]
    hot: usize,
    /// The duration in seconds
    #[arg(long, conflicts_with = "operations")]
    seconds: Option<u64>,
    /// Operations of each client
    #[arg(long, default_value_t = 200)]
    operations: u64,
    /// The seed of the random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let targets = targets(&arguments).await?;
    Ok(match run(&targets, &arguments.plan()).await? {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(violations) => {
            show(&violations);
            ExitCode::FAILURE
        }
    })
}

impl Arguments {
    fn plan(&self) -> LoadPlan {
        let operations = Length::Operations(self.operations);
        let time = |seconds| Length::Time(Duration::from_secs(seconds));
        LoadPlan {
            clients: self.clients,
            runs: self.runs,
            hot_runs: self.hot,
            length: self.seconds.map_or(operations, time),
            seed: self.seed,
            ..LoadPlan::default()
        }
    }
}

async fn targets(arguments: &Arguments) -> anyhow::Result<Vec<Arc<dyn Target>>> {
    let (Some(first), Some(token)) = (arguments.urls.first(), &arguments.token) else {
        return Ok(vec![in_memory().await?]);
    };
    let flow: FlowId = match &arguments.flow {
        Some(flow) => flow.parse().context("--flow")?,
        None => HttpTarget::create_flow(first, token).await?,
    };
    println!("flow {flow}");
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for url in &arguments.urls {
        targets.push(Arc::new(HttpTarget::new(url, token, flow)?));
    }
    Ok(targets)
}

async fn in_memory() -> anyhow::Result<Arc<dyn Target>> {
    let store = Arc::new(MemoryStore::default());
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
    store.create_flow(flow.clone()).await?;
    let environment =
        Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
    Ok(Arc::new(StoreTarget::new(environment, flow.key)))
}

async fn run(
    targets: &[Arc<dyn Target>],
    plan: &LoadPlan,
) -> anyhow::Result<Result<Summary, Vec<Violation>>> {
    let record = run_load(targets, plan).await?;
    let first = targets.first().context("no target was created")?;
    let stored = Stored::read(first.as_ref(), &record).await?;
    Ok(check(&record, &stored))
}

fn show(violations: &[Violation]) {
    println!("{} violations", violations.len());
    for violation in violations.iter().take(SHOWN) {
        println!("{violation}");
    }
    if violations.len() > SHOWN {
        println!("… and {} more", violations.len() - SHOWN);
    }
}
