//! Reads the rows of a page along an index, one range after the other, and counts the rows of a list.

use flowruns_domain::{
    query::{Count, CountLimit, Direction, SCAN_LIMIT, SortKey},
    store::StoreError,
};
use sqlx::{FromRow, PgPool, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    Builder,
    keyset::{KeyRange, Keyset, KeysetPosition},
};
use crate::error::{is_canceled, store_error};

pub(crate) const EXPLAIN: &str = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ";

/// Pushes a part of a statement.
pub(super) type PushSql<'a> = Box<dyn Fn(&mut Builder) + Send + Sync + 'a>;

/// A scan of one index: the table, its columns, the order, and the conditions.
pub(super) struct IndexScan<'a> {
    pub(super) table: &'static str,
    pub(super) columns: &'a str,
    pub(super) keyset: Keyset,
    /// Pushes the conditions that bound the index, beginning with WHERE.
    pub(super) push_bounds: PushSql<'a>,
    /// Pushes the filter, which is evaluated on each row that is read.
    pub(super) push_filter: PushSql<'a>,
}

/// How rows become domain values.
pub(super) struct RowReader<'a, R, T> {
    pub(super) read: &'a (dyn Fn(R) -> Result<T, StoreError> + Sync),
    pub(super) position: &'a (dyn Fn(&T) -> KeysetPosition + Sync),
}

#[derive(FromRow)]
struct ScannedRow<Columns> {
    #[sqlx(flatten)]
    row: Columns,
    matched: bool,
    /// The number of the row among those that were read, from 1.
    row_number: i64,
}

/// The rows that match, in the order of the list.
pub(super) struct ScanResult<T> {
    pub(super) rows: Vec<T>,
    /// The row at which [`SCAN_LIMIT`] was reached; rows that match may follow it.
    pub(super) end: Option<KeysetPosition>,
}

/// Reads up to `limit` rows that match after a position.
pub(super) async fn page<R, T>(
    pool: &PgPool,
    scan: &IndexScan<'_>,
    reader: &RowReader<'_, R, T>,
    after: Option<KeysetPosition>,
    limit: usize,
) -> Result<ScanResult<T>, StoreError>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    T: Send,
{
    let mut found = ScanResult { rows: Vec::new(), end: None };
    let mut ranges = scan.keyset.ranges(after);
    while let Some(range) = ranges.pop_front() {
        let left = limit - found.rows.len();
        let mut scanned = read_range(pool, scan, reader, &range, left).await?;
        if scan.keyset.reads_ties_in_reverse(&range) {
            if let Some(key) = remove_incomplete_tie(&mut scanned, reader, left) {
                // The ids of this key are read again, in the wanted direction; then the keys after it.
                ranges.push_front(KeyRange::AfterKey(Some(key.clone())));
                ranges.push_front(KeyRange::SameKey(key, None));
                if let Some(end) = &mut scanned.end {
                    // The limit was reached within this tie, so nothing after the tie is read. The page ends after it.
                    ranges.truncate(1);
                    end.ids.fill(last_id(scan.keyset.ties));
                }
            }
            found.end = scanned.end.or(found.end);
            found.rows.extend(scanned.rows);
        } else {
            found.rows.extend(scanned.rows);
            if scanned.end.is_some() {
                found.end = scanned.end;
                break;
            }
        }
        if found.rows.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// No id follows this one in this direction.
const fn last_id(direction: Direction) -> Uuid {
    match direction {
        Direction::Ascending => Uuid::max(),
        // The nil UUID is no id, so no id is less than this one.
        Direction::Descending => Uuid::from_u128(1),
    }
}

/// Reverses the rows of each key, which were read in the opposite direction. The range may have ended in the middle of
/// the last key: then its rows, of which the first in the list may be missing, are removed, and the key is returned.
///
/// A full page keeps a single row of its last key: that is the extra row, which only shows that more rows follow.
fn remove_incomplete_tie<R, T>(
    scanned: &mut ScanResult<T>,
    reader: &RowReader<'_, R, T>,
    limit: usize,
) -> Option<SortKey> {
    let key = |row: &T| (reader.position)(row).key;
    let is_full = scanned.rows.len() >= limit;
    let key_from_end = |index: usize| scanned.rows.iter().rev().nth(index).map(key);
    let incomplete = match &scanned.end {
        Some(position) => Some(position.key.clone()),
        None if is_full && (limit == 1 || key_from_end(0) == key_from_end(1)) => key_from_end(0),
        None => None,
    };
    scanned.rows.retain(|row| incomplete.as_ref() != Some(&key(row)));
    for tie in scanned.rows.chunk_by_mut(|one, other| key(one) == key(other)) {
        tie.reverse();
    }
    incomplete
}

async fn read_range<R, T>(
    pool: &PgPool,
    scan: &IndexScan<'_>,
    reader: &RowReader<'_, R, T>,
    range: &KeyRange,
    limit: usize,
) -> Result<ScanResult<T>, StoreError>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut sql = page_statement("", scan, range, limit);
    let query = sql.build_query_as::<ScannedRow<R>>().persistent(false);
    let rows = query.fetch_all(pool).await.map_err(store_error)?;
    let mut scanned = ScanResult { rows: Vec::new(), end: None };
    for ScannedRow { row, matched, row_number } in rows {
        let row = (reader.read)(row)?;
        if usize::try_from(row_number) == Ok(SCAN_LIMIT) {
            scanned.end = Some((reader.position)(&row));
        }
        if matched {
            scanned.rows.push(row);
        }
    }
    Ok(scanned)
}

/// Reads along the index until `limit` rows match, or [`SCAN_LIMIT`] rows were read. The row at that limit is returned
/// whether it matches or not: the next page begins after it.
fn page_statement(prefix: &str, scan: &IndexScan<'_>, range: &KeyRange, limit: usize) -> Builder {
    let mut sql = Builder::new(prefix);
    let order = scan.keyset.order(range, false);
    sql.push("SELECT * FROM (SELECT ");
    sql.push(scan.columns).push(", ");
    (scan.push_filter)(&mut sql);
    sql.push(" AS matched, row_number() OVER (ORDER BY ");
    sql.push(&order).push(") AS row_number FROM ");
    sql.push(scan.table);
    (scan.push_bounds)(&mut sql);
    scan.keyset.push_range(&mut sql, range);
    sql.push(format_args!(
        " ORDER BY {order} LIMIT {SCAN_LIMIT}) AS scanned WHERE matched OR row_number = {SCAN_LIMIT} ORDER BY {}",
        scan.keyset.order(range, true)
    ));
    sql.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    sql
}

/// Counts the rows that match among the first `rows` rows along the index.
fn count_statement(prefix: &str, scan: &IndexScan<'_>, rows: u64) -> Builder {
    let mut sql = Builder::new(prefix);
    sql.push("SELECT count(*) FILTER (WHERE matched), count(*) FROM (SELECT ");
    (scan.push_filter)(&mut sql);
    sql.push(" AS matched FROM ").push(scan.table);
    (scan.push_bounds)(&mut sql);
    let along = Keyset { direction: scan.keyset.index, ..scan.keyset };
    let order = along.order(&KeyRange::AfterKey(None), false);
    sql.push(format_args!(" ORDER BY {order} LIMIT {rows}) AS scanned"));
    sql
}

/// Counts the matching rows of scans that have no row in common. The count is unknown when more rows than the limit
/// would have to be read in total, or when a statement exceeds its time limit.
pub(super) async fn count(
    pool: &PgPool,
    scans: &[IndexScan<'_>],
    limit: CountLimit,
) -> Result<Count, StoreError> {
    let (mut matched, mut scanned) = (0, 0);
    for scan in scans {
        let mut sql = count_statement("", scan, u64::from(limit.rows()) + 1 - scanned);
        let query = sql.build_query_as::<(i64, i64)>().persistent(false);
        let counted = match query.fetch_one(pool).await {
            Ok(counted) => counted,
            Err(error) if is_canceled(&error) => return Ok(Count::Unknown),
            Err(error) => return Err(store_error(error)),
        };
        matched += counted.0.unsigned_abs();
        scanned += counted.1.unsigned_abs();
        if scanned > u64::from(limit.rows()) {
            return Ok(Count::Unknown);
        }
    }
    Ok(limit.count(matched, scanned))
}

/// The statements that [`page`] sends, one a range, and those that [`count`] sends, each after `prefix`.
pub(super) fn statements(
    prefix: &str,
    (page, after, rows): (&IndexScan<'_>, Option<KeysetPosition>, usize),
    (counted, limit): (&[IndexScan<'_>], CountLimit),
) -> Vec<Builder> {
    let ranges = page.keyset.ranges(after).into_iter();
    let pages = ranges.map(|range| page_statement(prefix, page, &range, rows));
    let counts =
        counted.iter().map(|scan| count_statement(prefix, scan, u64::from(limit.rows()) + 1));
    pages.chain(counts).collect()
}

/// Runs statements that begin with [`EXPLAIN`], and returns their plans as JSON.
pub(crate) async fn explain(
    pool: &PgPool,
    statements: Vec<Builder>,
) -> Result<Vec<String>, StoreError> {
    let mut plans = Vec::with_capacity(statements.len());
    for mut sql in statements {
        let query = sql.build_query_scalar::<Json<serde_json::Value>>();
        let plan = query.persistent(false).fetch_one(pool);
        plans.push(plan.await.map_err(store_error)?.0.to_string());
    }
    Ok(plans)
}
