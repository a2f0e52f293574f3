//! Whether a database is fit for this release: its encoding, its migrations, and whether it accepts writes. `serve`,
//! `check`, readiness and metrics all use [`SchemaStatus`].

use chrono::{DateTime, Datelike as _, Months, NaiveTime, Utc};
use flowruns_domain::{
    store::{NotReady, StoreError},
    timestamp::Timestamp,
};
use sqlx::{PgConnection, PgPool, postgres::PgConnectOptions};

use crate::{
    error::store_error,
    migrate::{self, MigrateError, MigrationState, MigrationStatus},
};

/// The bounds of the monthly partitions, as a session with the time zone UTC shows them.
pub(crate) const PARTITIONS: &str = "
    SELECT bounds[1]::timestamptz, bounds[2]::timestamptz
    FROM (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bounds
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'run_events'::regclass) AS partitions
    WHERE bounds IS NOT NULL";

/// The encoding of all texts of the service. Another one cannot hold all of them, or accepts bytes that are no text.
pub(crate) const ENCODING: &str = "UTF8";

/// A standby rejects writes, and so does a primary that is set to be read-only.
pub(crate) const STATE: &str = "
    SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, current_setting('server_encoding')";

/// Partitions further ahead are not counted.
const MAX_MONTHS: i32 = 1200;

/// The state of a database, as far as a release depends on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchemaStatus {
    /// It is a standby, or set to be read-only.
    pub is_read_only: bool,
    /// The encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// Every migration, by version.
    pub migrations: Vec<MigrationStatus>,
}

/// What operators must know about a database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SchemaFinding {
    /// The encoding is not UTF8: nothing can be served.
    Encoding(String),
    /// Writes are rejected: nothing can be served, until a failover or a change of the setting.
    ReadOnly,
    /// Applied migrations have another text in this release: nothing can be served.
    Changed(Vec<i64>),
    /// Migrations of this release are not applied: nothing can be served.
    Pending(Vec<i64>),
    /// The database has migrations of a newer release. That is no obstacle.
    Newer(Vec<i64>),
}

impl SchemaStatus {
    /// Reads the state of a database on a connection of its own.
    ///
    /// # Errors
    ///
    /// [`MigrateError::Failed`] when the database cannot be reached.
    pub async fn read(database: &PgConnectOptions) -> Result<Self, MigrateError> {
        let mut connection = migrate::connect(database).await?;
        let status = Self::of_connection(&mut connection).await;
        status.map_err(MigrateError::Failed)
    }

    pub(crate) async fn of_pool(pool: &PgPool) -> Result<Self, StoreError> {
        let mut connection = pool.acquire().await.map_err(store_error)?;
        let status = Self::of_connection(&mut connection).await;
        status.map_err(store_error)
    }

    async fn of_connection(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let (is_read_only, encoding) = sqlx::query_as(STATE).fetch_one(&mut *connection).await?;
        Ok(Self { is_read_only, encoding, migrations: migrate::statuses(connection).await? })
    }

    /// The versions of the migrations in this state, in ascending order.
    pub fn versions(&self, state: MigrationState) -> Vec<i64> {
        let migrations = self.migrations.iter();
        migrations
            .filter(|migration| migration.state == state)
            .map(|migration| migration.version)
            .collect()
    }

    /// The findings; the first one is to be dealt with first.
    pub fn findings(&self) -> Vec<SchemaFinding> {
        let versions = |state, finding: fn(Vec<i64>) -> SchemaFinding| {
            let versions = self.versions(state);
            (!versions.is_empty()).then(|| finding(versions))
        };
        let encoding = self.encoding != ENCODING;
        let findings = [
            encoding.then(|| SchemaFinding::Encoding(self.encoding.clone())),
            self.is_read_only.then_some(SchemaFinding::ReadOnly),
            versions(MigrationState::Changed, SchemaFinding::Changed),
            versions(MigrationState::Pending, SchemaFinding::Pending),
            versions(MigrationState::Unknown, SchemaFinding::Newer),
        ];
        findings.into_iter().flatten().collect()
    }

    /// Whether a store on this database can serve.
    ///
    /// # Errors
    ///
    /// [`NotReady`], by the first finding that is an obstacle.
    pub fn check(&self) -> Result<(), NotReady> {
        match self.findings().into_iter().next() {
            Some(SchemaFinding::Encoding(encoding)) => Err(NotReady::Encoding(encoding)),
            Some(SchemaFinding::ReadOnly) => Err(NotReady::Standby),
            Some(SchemaFinding::Changed(versions)) => Err(NotReady::Changed(versions)),
            Some(SchemaFinding::Pending(versions)) => Err(NotReady::Pending(versions)),
            Some(SchemaFinding::Newer(_)) | None => Ok(()),
        }
    }
}

pub(crate) async fn partitions_ahead(pool: &PgPool, now: Timestamp) -> Result<i32, StoreError> {
    let months: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(PARTITIONS).fetch_all(pool).await.map_err(store_error)?;
    Ok(covered_after(now.date_time(), &months))
}

/// The number of consecutive months after the month of `now` that are covered; -1 when the month of `now` is not.
fn covered_after(now: DateTime<Utc>, covered: &[(DateTime<Utc>, DateTime<Utc>)]) -> i32 {
    let first = now.date_naive().with_day(1).unwrap_or(now.date_naive());
    let is_covered = |offset: i32| {
        let months = Months::new(offset.unsigned_abs());
        let Some(start) = first.checked_add_months(months) else {
            return false;
        };
        let start = start.and_time(NaiveTime::MIN).and_utc();
        covered.iter().any(|(from, to)| *from <= start && start < *to)
    };
    (0..MAX_MONTHS).take_while(|offset| is_covered(*offset)).count() as i32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(months: &[&str]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
        let bounds = months.iter().map(|month| {
            let from = day(&format!("{month}-01"));
            let to = from.checked_add_months(Months::new(1)).unwrap();
            let at = |day: chrono::NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
            (at(from), at(to))
        });
        bounds.collect()
    }

    #[test]
    fn months_are_counted_up_to_the_first_gap_and_not_without_the_current_month() {
        let now = "2026-11-30T23:59:59Z".parse().unwrap();
        let ahead = |covered: &[&str]| covered_after(now, &months(covered));
        assert_eq!(ahead(&["2026-11", "2026-12", "2027-01"]), 2);
        assert_eq!(ahead(&["2026-10", "2026-11", "2027-01"]), 0);
        assert_eq!(ahead(&["2026-10", "2026-12"]), -1);
        assert_eq!(ahead(&[]), -1);
    }

    #[test]
    fn a_standby_and_changed_or_pending_migrations_are_not_ready_and_newer_ones_are() {
        let checked = |is_read_only, states: &[MigrationState]| {
            let migrations = (1..).zip(states).map(|(version, state)| MigrationStatus {
                version,
                description: String::new(),
                state: *state,
            });
            let status = SchemaStatus {
                is_read_only,
                encoding: "UTF8".to_owned(),
                migrations: migrations.collect(),
            };
            status.check().map_err(|error| error.to_string())
        };
        let with = |states: &[MigrationState]| checked(false, states);
        use MigrationState::{Applied, Changed, Pending, Unknown};
        assert_eq!(with(&[Applied, Unknown]), Ok(()));
        assert_eq!(
            with(&[Applied, Pending, Pending]),
            Err("migrations 2, 3 are pending".to_owned())
        );
        let changed = "migrations 2 were changed after they were applied";
        assert_eq!(with(&[Pending, Changed]), Err(changed.to_owned()));
        let standby = "the database is a standby or read-only, and takes no writes";
        assert_eq!(checked(true, &[Applied]), Err(standby.to_owned()));
    }
}
