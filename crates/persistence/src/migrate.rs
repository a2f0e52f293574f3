//! Migrations, applied by operators: status, up, down, and the monthly partitions of the history.
//!
//! Each function opens a connection of its own, with a `lock_timeout` of 5 s and without a `statement_timeout`.

use std::collections::HashMap;

use chrono::{Datelike, Months, NaiveDate};
use flowruns_domain::{store::unsuitable_encoding, timestamp::Timestamp};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    migrate::{Migrate as _, MigrateError as SqlxMigrateError, Migrator},
    postgres::PgConnectOptions,
};
use thiserror::Error;

use crate::{
    dedicated_connection::wait_for_flush,
    error::{is_covered_elsewhere, is_lock_not_available},
    schema_status::ENCODING,
};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");
pub(crate) const GRANTS: &str = include_str!("../migrations/grants.sql");
const LOCK_TIMEOUT: &str = "5s";
/// Months after the current one for which [`up`] creates partitions.
const MONTHS_AHEAD: u32 = 3;

pub(crate) const HAS_MIGRATIONS: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";

pub(crate) const APPLIED: &str =
    "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version";

pub(crate) const SERVER_ENCODING: &str = "SELECT current_setting('server_encoding')";

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
    /// This release has no migration of this version.
    #[error("there is no migration {0}; `flowruns migrate status` lists them")]
    Unknown(i64),
    /// The database rejected a statement, or cannot be reached.
    #[error("the database rejected a migration")]
    Failed(#[source] sqlx::Error),
    /// sqlx rejected a migration.
    #[error("a migration failed")]
    Refused(#[source] SqlxMigrateError),
}

/// Whether a migration is applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MigrationState {
    /// Applied, with the text of this release.
    Applied,
    /// Not applied.
    Pending,
    /// Applied, with another text.
    Changed,
    /// Applied, and unknown to this release: it belongs to a newer one.
    Unknown,
}

/// A migration of this release, or one that is applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// Whether it is applied.
    pub state: MigrationState,
}

/// Every migration, by version. The role needs the right to read only.
///
/// # Errors
///
/// [`MigrateError::Failed`] when the database cannot be reached, [`MigrateError::Encoding`] when its encoding is not UTF8.
pub async fn status(database: &PgConnectOptions) -> Result<Vec<MigrationStatus>, MigrateError> {
    let mut connection = connect(database).await?;
    check_encoding(&mut connection).await?;
    statuses(&mut connection).await.map_err(failed)
}

/// As [`status`], on an open connection.
pub(crate) async fn statuses(connection: &mut PgConnection) -> sqlx::Result<Vec<MigrationStatus>> {
    let mut applied = applied(connection).await?;
    let known = MIGRATOR.iter().filter(|migration| migration.migration_type.is_up_migration());
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
    let unknown = applied.into_iter();
    all.extend(unknown.map(|(version, (description, _))| MigrationStatus {
        version,
        description,
        state: MigrationState::Unknown,
    }));
    all.sort_by_key(|migration| migration.version);
    Ok(all)
}

/// The description and the checksum of each applied migration, by version.
async fn applied(connection: &mut PgConnection) -> sqlx::Result<HashMap<i64, (String, Vec<u8>)>> {
    let has_migrations = sqlx::query_scalar(HAS_MIGRATIONS);
    let has_migrations: bool = has_migrations.fetch_one(&mut *connection).await?;
    if !has_migrations {
        return Ok(HashMap::new());
    }
    let applied: Vec<(i64, String, Vec<u8>)> =
        sqlx::query_as(APPLIED).fetch_all(connection).await?;
    let applied = applied.into_iter();
    Ok(applied.map(|(version, description, checksum)| (version, (description, checksum))).collect())
}

/// Applies the pending migrations, and creates the monthly partitions of the history for the month of `now` and the three
/// that follow.
///
/// # Errors
///
/// [`MigrateError`]; migrations that were applied before the failure stay applied.
pub async fn up(database: &PgConnectOptions, now: Timestamp) -> Result<(), MigrateError> {
    let mut connection = connect(database).await?;
    check_encoding(&mut connection).await?;
    MIGRATOR.run_direct(None, &mut connection, false).await.map_err(rejected)?;
    create_partitions(&mut connection, now, MONTHS_AHEAD).await?;
    connection.close().await.map_err(failed)
}

/// Reverts the migrations above the version `target`; 0 reverts all of them.
///
/// # Errors
///
/// [`MigrateError`]; migrations that were reverted before the failure stay reverted.
pub async fn down_to(database: &PgConnectOptions, target: i64) -> Result<(), MigrateError> {
    if target != 0 && !MIGRATOR.version_exists(target) {
        return Err(MigrateError::Unknown(target));
    }
    let mut connection = connect(database).await?;
    MIGRATOR.undo(&mut connection, target).await.map_err(rejected)?;
    connection.close().await.map_err(failed)
}

/// Creates the missing partitions of the history for the month of `now` and the `ahead` months that follow.
///
/// # Errors
///
/// [`MigrateError`]; partitions that were created before the failure stay.
pub async fn partitions(
    database: &PgConnectOptions,
    now: Timestamp,
    ahead: u32,
) -> Result<(), MigrateError> {
    let mut connection = connect(database).await?;
    create_partitions(&mut connection, now, ahead).await?;
    connection.close().await.map_err(failed)
}

/// Grants the roles `flowruns_service` and `flowruns_reader` their rights, with the statements of migrations/grants.sql.
///
/// # Errors
///
/// [`MigrateError`] when a role is missing.
pub async fn grant(database: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut connection = connect(database).await?;
    sqlx::raw_sql(GRANTS).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

pub(crate) async fn connect(database: &PgConnectOptions) -> Result<PgConnection, MigrateError> {
    let settings =
        [("lock_timeout", LOCK_TIMEOUT), ("statement_timeout", "0"), ("TimeZone", "UTC")];
    let database = database.clone().application_name("flowruns migrate").options(settings);
    let mut connection = database.connect().await.map_err(failed)?;
    // A migration that was reported as applied must survive a crash.
    wait_for_flush(&mut connection).await.map_err(failed)?;
    Ok(connection)
}

async fn check_encoding(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let encoding = sqlx::query_scalar(SERVER_ENCODING);
    let encoding: String = encoding.fetch_one(connection).await.map_err(failed)?;
    match encoding == ENCODING {
        true => Ok(()),
        false => Err(MigrateError::Encoding(encoding)),
    }
}

async fn create_partitions(
    connection: &mut PgConnection,
    now: Timestamp,
    ahead: u32,
) -> Result<(), MigrateError> {
    // The lock of the migrations: two runners create one partition.
    connection.lock().await.map_err(rejected)?;
    let today = now.date_time().date_naive();
    let this_month = today.with_day(1).unwrap_or(today);
    for offset in 0..=ahead {
        let (Some(from), Some(to)) = (
            this_month.checked_add_months(Months::new(offset)),
            this_month.checked_add_months(Months::new(offset + 1)),
        ) else {
            break;
        };
        create_partition(connection, from, to).await?;
    }
    connection.unlock().await.map_err(rejected)
}

/// A month that has rows in the default partition gets no other one: an operator must decide to move them.
async fn create_partition(
    connection: &mut PgConnection,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<(), MigrateError> {
    let name = format!("run_events_y{:04}m{:02}", from.year(), from.month());
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF run_events \
         FOR VALUES FROM ('{from} 00:00:00+00') TO ('{to} 00:00:00+00')"
    );
    // The text is built from dates only.
    match sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await {
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
    match is_lock_not_available(&error) {
        true => MigrateError::Busy(error),
        false => MigrateError::Failed(error),
    }
}

fn rejected(error: SqlxMigrateError) -> MigrateError {
    match error {
        SqlxMigrateError::Execute(error) | SqlxMigrateError::ExecuteMigration(error, _) => {
            failed(error)
        }
        SqlxMigrateError::VersionMismatch(version) => MigrateError::Changed(version),
        other => MigrateError::Refused(other),
    }
}
