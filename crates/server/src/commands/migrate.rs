//! `flowruns migrate`: shows or changes the schema of the database.

use anyhow::Context as _;
use clap::Subcommand;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_persistence::migrate::{self, MigrationState};

use crate::{config::StorageSettings, database::Database};

/// Show or change the schema of the database.
#[derive(Clone, Copy, Subcommand)]
pub(crate) enum MigrateCommand {
    /// List the migrations, and which of them are applied.
    Status,
    /// Apply the pending migrations, and create the partitions of the history.
    Up,
    /// Revert the migrations above a version; 0 reverts all of them and deletes all data.
    Down {
        /// The highest version that remains applied.
        #[arg(long)]
        to: i64,
    },
    /// Create the missing monthly partitions of the history.
    Partitions {
        /// How many months ahead.
        #[arg(long, default_value_t = 3)]
        ahead: u32,
    },
}

pub(crate) async fn run(
    settings: &StorageSettings,
    command: &MigrateCommand,
) -> anyhow::Result<()> {
    let database = match command {
        // Not while a server runs, which uses the schema.
        MigrateCommand::Down { .. } => Database::open(settings).await?,
        MigrateCommand::Status | MigrateCommand::Up | MigrateCommand::Partitions { .. } => {
            Database::open_or_join(settings).await?
        }
    };
    let done = execute(&database, *command).await;
    database.stop().await?;
    done
}

async fn execute(database: &Database, command: MigrateCommand) -> anyhow::Result<()> {
    match command {
        MigrateCommand::Status => {}
        MigrateCommand::Up => migrate::up(&database.owner, SystemClock.now()).await?,
        MigrateCommand::Down { to } => migrate::down_to(&database.owner, to).await?,
        MigrateCommand::Partitions { ahead } => {
            migrate::partitions(&database.owner, SystemClock.now(), ahead).await?
        }
    }
    show_status(database).await
}

#[expect(clippy::print_stdout, reason = "the command prints its result")]
async fn show_status(database: &Database) -> anyhow::Result<()> {
    let migrations = migrate::status(&database.owner)
        .await
        .context("the state of the migrations cannot be read")?;
    for migration in migrations {
        let state = match migration.state {
            MigrationState::Applied => "applied",
            MigrationState::Pending => "pending",
            MigrationState::Changed => "changed after it was applied",
            MigrationState::Unknown => "applied by a newer release",
        };
        println!("{:04} {}: {state}", migration.version, migration.description);
    }
    Ok(())
}
