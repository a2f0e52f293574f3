//! `flowruns check`: shows the merged configuration, and checks the issuers' keys and the database.

use anyhow::{Context as _, bail};
use flowruns_domain::store::{Store as _, unsuitable_encoding};
use flowruns_persistence::{PostgresStore, SchemaFinding, SchemaStatus, migrate::MigrationState};

use crate::{config::Settings, database::Database, issuers};

#[expect(clippy::print_stdout, reason = "the command prints its result")]
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(settings)?);
    println!(
        "DATABASE_URL: {}",
        if settings.database_url.is_some() { "set (hidden)" } else { "not set: embedded" }
    );
    for line in issuers::check(&settings.auth).await? {
        println!("{line}");
    }
    let database = Database::open_or_join(&settings.storage()).await?;
    let checked = check_database(settings, &database).await;
    database.stop().await?;
    println!("{}", checked?);
    Ok(())
}

async fn check_database(settings: &Settings, database: &Database) -> anyhow::Result<String> {
    let status = SchemaStatus::read(&database.owner)
        .await
        .context("the state of the migrations cannot be read")?;
    if let Some(SchemaFinding::Encoding(encoding)) = status.findings().first() {
        bail!(unsuitable_encoding(encoding));
    }
    let unfit = [MigrationState::Pending, MigrationState::Changed];
    let mut unfit = unfit.map(|state| status.versions(state)).concat();
    unfit.sort_unstable();
    if !unfit.is_empty() {
        let versions: Vec<_> = unfit.iter().map(ToString::to_string).collect();
        bail!(
            "migrations {} are pending or changed; see `flowruns migrate status`",
            versions.join(", ")
        );
    }
    let store = PostgresStore::connect(&database.connect_options(settings)?)
        .await
        .context("cannot connect to the database")?;
    store.check().await?;
    let durability = store.durability().await?;
    store.close().await;
    if !durability.is_synchronous() {
        bail!(
            "synchronous_commit is {}: acknowledged reports could be lost; set it to on or remote_apply",
            durability.synchronous_commit
        );
    }
    let fsync = if durability.fsync { "" } else { "; warning: fsync is off" };
    Ok(format!("the database is reachable, migrated and durable{fsync}"))
}
