//! What operators should know: whether the database takes writes, how its schema stands, and how busy the store is.

use chrono::{DateTime, Datelike as _, Months, NaiveTime, Utc};
use flowruns_domain::{NotReady, StoreError, Timestamp};
use sqlx::PgPool;

use crate::{
    error::store_error,
    migrate::{self, MigrationState, MigrationStatus},
};

/// The bounds of the months of history, as sessions with the time zone UTC see them.
const MONTHS: &str = "
    SELECT bounds[1]::timestamptz, bounds[2]::timestamptz
    FROM (SELECT regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bounds
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'run_events'::regclass) AS partitions
    WHERE bounds IS NOT NULL";

/// What every text of the product is in. Another encoding cannot hold all of them, or would let bytes through that are no
/// text.
pub(crate) const ENCODING: &str = "UTF8";

/// A standby takes no writes, and neither does a primary that is set to be read-only.
const STATE: &str = "
    SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, current_setting('server_encoding')";

/// More months than that are as good as any.
const MOST_MONTHS: i32 = 1200;

/// How much of the store is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoreLoad {
    /// Connections of the pool that are open.
    pub connections: u32,
    /// Those of them that nobody uses.
    pub idle_connections: usize,
    /// Reports and creations that wait or are being written.
    pub queued_reports: usize,
    /// Their bodies, in bytes.
    pub queued_bytes: usize,
}

/// How the database stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchemaStatus {
    /// It takes no writes.
    pub is_standby: bool,
    /// The encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// Every migration, by version.
    pub migrations: Vec<MigrationStatus>,
}

impl SchemaStatus {
    pub(crate) async fn read(pool: &PgPool) -> Result<Self, StoreError> {
        let mut connection = pool.acquire().await.map_err(store_error)?;
        let (is_standby, encoding) = sqlx::query_as(STATE)
            .fetch_one(&mut *connection)
            .await
            .map_err(store_error)?;
        let migrations = migrate::statuses(&mut connection).await;
        Ok(Self {
            is_standby,
            encoding,
            migrations: migrations.map_err(store_error)?,
        })
    }

    /// The versions of the migrations that stand so.
    pub fn versions(&self, state: MigrationState) -> Vec<i64> {
        let migrations = self.migrations.iter();
        migrations
            .filter(|migration| migration.state == state)
            .map(|migration| migration.version)
            .collect()
    }

    /// Whether a store on it can serve.
    ///
    /// # Errors
    ///
    /// [`NotReady`]
    pub fn check(&self) -> Result<(), NotReady> {
        if self.encoding != ENCODING {
            return Err(NotReady::Encoding(self.encoding.clone()));
        }
        if self.is_standby {
            return Err(NotReady::Standby);
        }
        let changed = self.versions(MigrationState::Changed);
        if !changed.is_empty() {
            return Err(NotReady::Changed(changed));
        }
        match self.versions(MigrationState::Pending) {
            pending if pending.is_empty() => Ok(()),
            pending => Err(NotReady::Pending(pending)),
        }
    }
}

pub(crate) async fn partitions_ahead(pool: &PgPool, now: Timestamp) -> Result<i32, StoreError> {
    let months: Vec<(DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(MONTHS)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    Ok(covered_after(now.date_time(), &months))
}

/// How many months after that of `now` are covered, without a gap; -1 when that one is not.
fn covered_after(now: DateTime<Utc>, covered: &[(DateTime<Utc>, DateTime<Utc>)]) -> i32 {
    let first = now.date_naive().with_day(1).unwrap_or(now.date_naive());
    let is_covered = |offset: i32| {
        let months = Months::new(offset.unsigned_abs());
        let Some(start) = first.checked_add_months(months) else {
            return false;
        };
        let start = start.and_time(NaiveTime::MIN).and_utc();
        covered
            .iter()
            .any(|(from, to)| *from <= start && start < *to)
    };
    (0..MOST_MONTHS)
        .take_while(|offset| is_covered(*offset))
        .count() as i32
        - 1
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
    fn months_count_up_to_the_first_gap_and_none_without_the_present_one() {
        let now = "2026-11-30T23:59:59Z".parse().unwrap();
        let ahead = |covered: &[&str]| covered_after(now, &months(covered));
        assert_eq!(ahead(&["2026-11", "2026-12", "2027-01"]), 2);
        assert_eq!(ahead(&["2026-10", "2026-11", "2027-01"]), 0);
        assert_eq!(ahead(&["2026-10", "2026-12"]), -1);
        assert_eq!(ahead(&[]), -1);
    }

    #[test]
    fn a_standby_and_changed_or_pending_migrations_are_not_ready_and_newer_ones_are() {
        let checked = |is_standby, states: &[MigrationState]| {
            let migrations = (1..).zip(states).map(|(version, state)| MigrationStatus {
                version,
                description: String::new(),
                state: *state,
            });
            let status = SchemaStatus {
                is_standby,
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
