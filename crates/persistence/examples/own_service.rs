//! Uses the store in a service of your own: creates a flow and a run, ends the run, and prints its history.
//!
//! Runs on a private PostgreSQL in a temporary folder: `cargo run -p flowruns-persistence --example own_service`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{error::Error, sync::Arc};

use flowruns_domain::{
    clock::{Clock as _, SystemClock, TimeOrderedIds},
    display_name::DisplayName,
    flow::{DataDomain, NewFlow, ReadinessStatus},
    id::{FlowKey, TenantId},
    json::JsonObject,
    patch::Field,
    query::EventPageRequest,
    run::{NewRun, Outcome, RunAddress, RunPatch, RunStatus, Via},
    service::{Environment, FlowService, Requester, RunCreated, RunService},
    version::Preconditions,
};
use flowruns_embedded::{Cluster, ClusterOptions};
use flowruns_persistence::{ConnectOptions, PostgresStore, migrate};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut options = ClusterOptions::new(folder.path());
    options.durable = false; // For examples and tests only.
    let start = move || Cluster::start(options);
    let cluster = tokio::task::spawn_blocking(start).await??;

    let url = format!(
        "postgres://{}@localhost:{}/postgres?host={}",
        Cluster::SUPERUSER,
        cluster.port(),
        cluster.socket_folder().display()
    );
    let options = ConnectOptions::from_url(&url)?;
    // A deployment applies migrations as the owner of the database, and serves as another role: see `migrate::grant`.
    migrate::up(&options.database, SystemClock.now()).await?;
    let store = PostgresStore::connect(&options).await?;

    let environment = Environment {
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    let flow = create_flow(&environment).await?;
    report(&environment, flow).await?;

    // Writes the reports that wait, then closes the connections.
    store.close().await;
    cluster.stop()?;
    Ok(())
}

async fn create_flow(environment: &Environment) -> Result<FlowKey> {
    let tenant = TenantId::new(environment.now_and_id().1)?;
    let new = NewFlow {
        display_name: DisplayName::new("Nightly rosters")?,
        readiness_status: ReadinessStatus::default(),
        data_domain: DataDomain::default(),
        effective: None,
        expiration: None,
    };
    let flows = FlowService::new(environment.clone());
    Ok(flows.create(tenant, new).await?.key)
}

async fn report(environment: &Environment, flow: FlowKey) -> Result<()> {
    let runs = RunService::new(environment.clone());
    // The history shows who reported, and in which request.
    let requester =
        || Requester { actor: "importer".to_owned(), request: environment.now_and_id().1 };

    let new = NewRun {
        display_name: DisplayName::new("Rosters of Monday")?,
        start: None,
        end: None,
        status: RunStatus::Running,
        blocking_error: None,
        statistics: JsonObject::default(),
    };
    let created = runs.create(flow, Via::NONE, None, new, requester());
    let RunCreated::New(run) = created.await? else {
        return Err("a run with this new id exists already".into());
    };

    let address = RunAddress { key: run.key, via: Via::NONE };
    let patch = RunPatch {
        status: Field::Value(RunStatus::Ended(Outcome::Completed)),
        ..RunPatch::default()
    };
    let run = runs.patch(address, patch, Preconditions::default(), requester());
    println!("{:#?}", run.await?.properties);

    let history = runs.history(address, EventPageRequest::default());
    for event in history.await?.items {
        println!("version {}: {:?} by {}", event.version, event.action, event.actor);
    }
    Ok(())
}
