//! `flowruns migrate`

use anyhow::Context as _;
use clap::Subcommand;
use flowruns_domain::{Clock as _, SystemClock};
use flowruns_persistence::migrate::{self, MigrationState};

use crate::{config::StorageSettings, database::Database};

/// What to do with the schema.
#[derive(Clone, Copy, Subcommand)]
pub(crate) enum MigrateCommand {
    /// List the migrations, and which of them are applied.
    Status,
    /// Apply what is pending, and make the months of history.
    Up,
    /// Revert what is above a version; 0 reverts everything, and its data with it.
    Down {
        /// The version that stays.
        #[arg(long)]
        to: i64,
    },
    /// Make the months of history that are missing.
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
        // Nobody may use what goes away.
        MigrateCommand::Down { .. } => Database::open(settings).await?,
        MigrateCommand::Status | MigrateCommand::Up | MigrateCommand::Partitions { .. } => {
            Database::open_or_join(settings).await?
        }
    };
    let done = carry_out(&database, *command).await;
    database.stop().await?;
    done
}

async fn carry_out(database: &Database, command: MigrateCommand) -> anyhow::Result<()> {
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

#[expect(
    clippy::print_stdout,
    reason = "the status is what this command is for"
)]
async fn show_status(database: &Database) -> anyhow::Result<()> {
    let migrations = migrate::status(&database.owner)
        .await
        .context("the database cannot be asked")?;
    for migration in migrations {
        let state = match migration.state {
            MigrationState::Applied => "applied",
            MigrationState::Pending => "pending",
            MigrationState::Changed => "changed after it was applied",
            MigrationState::Unknown => "applied by a newer release",
        };
        println!(
            "{:04} {}: {state}",
            migration.version, migration.description
        );
    }
    Ok(())
}
