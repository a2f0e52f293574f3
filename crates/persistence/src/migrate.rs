//! Migrations, applied by operators: status, up, down, and the months of history.
//!
//! They use a connection of their own, with a `lock_timeout` and without a `statement_timeout`.

use std::collections::HashMap;

use chrono::{Datelike, Months, NaiveDate};
use flowruns_domain::{Timestamp, unsuitable_encoding};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    migrate::{Migrate as _, MigrateError as SqlxMigrateError, Migrator},
    postgres::PgConnectOptions,
};
use thiserror::Error;

use crate::{condition::ENCODING, error::is_covered_elsewhere, session::wait_for_flush};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");
const GRANTS: &str = include_str!("../migrations/grants.sql");
const LOCK_TIMEOUT: &str = "5s";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Why a migration was not applied.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// Another migration is running, or a session holds a lock.
    #[error(
        "another migration is running, or a session holds a lock that this one needs; see pg_stat_activity, and try again"
    )]
    Busy(#[source] sqlx::Error),
    /// A migration that was applied has another text now.
    #[error(
        "migration {0} was changed after it was applied; use the files of the release that applied it"
    )]
    Changed(i64),
    /// The database has another encoding than UTF8.
    #[error("{}", unsuitable_encoding(.0))]
    Encoding(String),
    /// There is no migration of this version.
    #[error("there is no migration {0}; `flowruns migrate status` lists them")]
    Unknown(i64),
    /// The database failed.
    #[error("the database refused a migration")]
    Failed(#[source] sqlx::Error),
    /// sqlx refused a migration.
    #[error("a migration failed")]
    Refused(#[source] SqlxMigrateError),
}

/// Where a migration stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MigrationState {
    /// In the database as it is here.
    Applied,
    /// Not in the database.
    Pending,
    /// In the database, with another text.
    Changed,
    /// In the database, and not here: it is of a newer release.
    Unknown,
}

/// A migration, here or in the database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// Where it stands.
    pub state: MigrationState,
}

/// Every migration, by version. Needs no more than to read.
///
/// # Errors
///
/// [`MigrateError::Failed`] when the database cannot be asked, [`MigrateError::Encoding`] when its encoding is not UTF8.
pub async fn status(database: &PgConnectOptions) -> Result<Vec<MigrationStatus>, MigrateError> {
    let mut connection = connect(database).await?;
    refuse_other_encodings(&mut connection).await?;
    statuses(&mut connection).await.map_err(failed)
}

/// As [`status`], on a connection that is there.
pub(crate) async fn statuses(connection: &mut PgConnection) -> sqlx::Result<Vec<MigrationStatus>> {
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    let applied: Vec<(i64, String, Vec<u8>)> = if is_there {
        sqlx::query_as(
            "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version",
        )
        .fetch_all(&mut *connection)
        .await?
    } else {
        Vec::new()
    };
    let mut applied: HashMap<_, _> = applied
        .into_iter()
        .map(|(version, name, sum)| (version, (name, sum)))
        .collect();
    let known = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration());
    let mut all: Vec<_> = known
        .map(|migration| MigrationStatus {
            version: migration.version,
            description: migration.description.to_string(),
            state: match applied.remove(&migration.version) {
                None => MigrationState::Pending,
                Some((_, checksum)) if checksum == *migration.checksum => MigrationState::Applied,
                Some(_) => MigrationState::Changed,
            },
        })
        .collect();
    all.extend(
        applied
            .into_iter()
            .map(|(version, (description, _))| MigrationStatus {
                version,
                description,
                state: MigrationState::Unknown,
            }),
    );
    all.sort_by_key(|migration| migration.version);
    Ok(all)
}

/// Applies what is pending, and makes the months of history up to three ahead of `now`.
///
/// # Errors
///
/// [`MigrateError`]; what was applied before the failure stays applied.
pub async fn up(database: &PgConnectOptions, now: Timestamp) -> Result<(), MigrateError> {
    const AHEAD: u32 = 3;
    let mut connection = connect(database).await?;
    refuse_other_encodings(&mut connection).await?;
    MIGRATOR
        .run_direct(None, &mut connection, false)
        .await
        .map_err(refused)?;
    make_months(&mut connection, now, AHEAD).await?;
    connection.close().await.map_err(failed)
}

/// Reverts what is above `target`; 0 reverts everything.
///
/// # Errors
///
/// [`MigrateError`]; what was reverted before the failure stays reverted.
pub async fn down_to(database: &PgConnectOptions, target: i64) -> Result<(), MigrateError> {
    if target != 0 && !MIGRATOR.version_exists(target) {
        return Err(MigrateError::Unknown(target));
    }
    let mut connection = connect(database).await?;
    MIGRATOR
        .undo(&mut connection, target)
        .await
        .map_err(refused)?;
    connection.close().await.map_err(failed)
}

/// Makes the month of `now` and `ahead` more, where they are missing.
///
/// # Errors
///
/// [`MigrateError`]
pub async fn partitions(
    database: &PgConnectOptions,
    now: Timestamp,
    ahead: u32,
) -> Result<(), MigrateError> {
    let mut connection = connect(database).await?;
    make_months(&mut connection, now, ahead).await?;
    connection.close().await.map_err(failed)
}

/// Grants the roles `flowruns_service` and `flowruns_reader` what they need, as migrations/grants.sql does.
///
/// # Errors
///
/// [`MigrateError`] when a role is missing.
pub async fn grant(database: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = connect(database).await?;
    sqlx::raw_sql(GRANTS)
        .execute(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

async fn connect(database: &PgConnectOptions) -> Result<PgConnection, MigrateError> {
    let settings = [
        ("lock_timeout", LOCK_TIMEOUT),
        ("statement_timeout", "0"),
        ("TimeZone", "UTC"),
    ];
    let database = database
        .clone()
        .application_name("flowruns migrate")
        .options(settings);
    let mut connection = database.connect().await.map_err(failed)?;
    // A migration that was reported as applied is there after a crash.
    wait_for_flush(&mut connection).await.map_err(failed)?;
    Ok(connection)
}

async fn refuse_other_encodings(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding')");
    let encoding: String = encoding.fetch_one(connection).await.map_err(failed)?;
    match encoding == ENCODING {
        true => Ok(()),
        false => Err(MigrateError::Encoding(encoding)),
    }
}

async fn make_months(
    connection: &mut PgConnection,
    now: Timestamp,
    ahead: u32,
) -> Result<(), MigrateError> {
    // The lock of the migrations: two runners make one month.
    connection.lock().await.map_err(refused)?;
    let today = now.date_time().date_naive();
    let this_month = today.with_day(1).unwrap_or(today);
    for offset in 0..=ahead {
        let (Some(from), Some(to)) = (
            this_month.checked_add_months(Months::new(offset)),
            this_month.checked_add_months(Months::new(offset + 1)),
        ) else {
            break;
        };
        make_month(connection, from, to).await?;
    }
    connection.unlock().await.map_err(refused)
}

/// A month whose rows already went to the default partition stays there: moving them is an operator's decision.
async fn make_month(
    connection: &mut PgConnection,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<(), MigrateError> {
    let name = format!("run_events_y{:04}m{:02}", from.year(), from.month());
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF run_events \
         FOR VALUES FROM ('{from} 00:00:00+00') TO ('{to} 00:00:00+00')"
    );
    // The text is made of dates alone.
    match sqlx::raw_sql(AssertSqlSafe(create))
        .execute(connection)
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if is_covered_elsewhere(&error) => {
            tracing::warn!(
                partition = name,
                "this month is covered by another partition; see migrations/README.md"
            );
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: sqlx::Error) -> MigrateError {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(LOCK_NOT_AVAILABLE) {
        MigrateError::Busy(error)
    } else {
        MigrateError::Failed(error)
    }
}

fn refused(error: SqlxMigrateError) -> MigrateError {
    match error {
        SqlxMigrateError::Execute(error) | SqlxMigrateError::ExecuteMigration(error, _) => {
            failed(error)
        }
        SqlxMigrateError::VersionMismatch(version) => MigrateError::Changed(version),
        other => MigrateError::Refused(other),
    }
}
