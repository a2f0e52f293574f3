//! Reads the rows of a page along an index, one range after the other, and counts the rows of a list.

use flowruns_domain::{
    id::TenantId,
    query::{Count, CountLimit, Direction, SCAN_LIMIT, SortKey},
    store::StoreError,
};
use sqlx::{AssertSqlSafe, Execute as _, PgPool, Row as _, postgres::PgRow, types::Json};
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
    pub(super) filter: RowFilter<'a>,
}

/// What is evaluated on each row that is read.
pub(super) enum RowFilter<'a> {
    /// Every row in the bounds matches, if it is of this tenant. The rows of one flow are all of one tenant.
    Tenant(Option<TenantId>),
    /// Pushes a condition.
    Condition(PushSql<'a>),
}

/// How rows become domain values.
pub(super) struct RowReader<'a, T> {
    pub(super) read: &'a (dyn Fn(&PgRow) -> Result<T, StoreError> + Sync),
    pub(super) position: &'a (dyn Fn(&T) -> KeysetPosition + Sync),
}

/// The rows that match, in the order of the list.
pub(super) struct ScanResult<T> {
    pub(super) rows: Vec<T>,
    /// The row at which [`SCAN_LIMIT`] was reached; rows that match may follow it.
    pub(super) end: Option<KeysetPosition>,
}

/// Reads up to `limit` rows that match after a position.
pub(super) async fn page<T: Send>(
    pool: &PgPool,
    scan: &IndexScan<'_>,
    reader: &RowReader<'_, T>,
    after: Option<KeysetPosition>,
    limit: usize,
) -> Result<ScanResult<T>, StoreError> {
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
fn remove_incomplete_tie<T>(
    scanned: &mut ScanResult<T>,
    reader: &RowReader<'_, T>,
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

async fn read_range<T>(
    pool: &PgPool,
    scan: &IndexScan<'_>,
    reader: &RowReader<'_, T>,
    range: &KeyRange,
    limit: usize,
) -> Result<ScanResult<T>, StoreError> {
    let mut sql = page_statement("", scan, range, limit);
    let is_unfiltered = matches!(scan.filter, RowFilter::Tenant(_));
    // Lists without a filter have few texts, so each is prepared once.
    let query = sql.build().persistent(is_unfiltered);
    let mut connection = pool.acquire().await.map_err(store_error)?;
    let rows = query.fetch_all(&mut *connection).await.map_err(store_error)?;
    drop(connection);
    if is_unfiltered {
        let rows = rows.iter().map(reader.read).collect::<Result<_, _>>()?;
        return Ok(ScanResult { rows, end: None });
    }
    let mut scanned = ScanResult { rows: Vec::new(), end: None };
    for scanned_row in rows {
        let row = (reader.read)(&scanned_row)?;
        let (matched, row_number) = match_of(&scanned_row).map_err(store_error)?;
        if usize::try_from(row_number) == Ok(SCAN_LIMIT) {
            scanned.end = Some((reader.position)(&row));
        }
        if matched {
            scanned.rows.push(row);
        }
    }
    Ok(scanned)
}

/// The last columns of a row of a list with a filter: whether it matches, and its number among those that were read,
/// from 1.
fn match_of(row: &PgRow) -> sqlx::Result<(bool, i64)> {
    Ok((row.try_get(row.len() - 2)?, row.try_get(row.len() - 1)?))
}

/// The statement for a page along a range of the index.
fn page_statement(prefix: &str, scan: &IndexScan<'_>, range: &KeyRange, limit: usize) -> Builder {
    let mut sql = Builder::new(prefix);
    match scan.filter {
        RowFilter::Tenant(None) => push_page(&mut sql, scan, scan.columns, range, limit),
        RowFilter::Tenant(Some(_)) => push_page_of_tenant(&mut sql, scan, range, limit),
        RowFilter::Condition(_) => push_filtered_page(&mut sql, scan, range, limit),
    }
    sql
}

/// Reads `limit` rows along the index.
fn push_page(
    sql: &mut Builder,
    scan: &IndexScan<'_>,
    columns: &str,
    range: &KeyRange,
    limit: usize,
) {
    sql.push("SELECT ").push(columns);
    sql.push(" FROM ").push(scan.table);
    (scan.push_bounds)(sql);
    scan.keyset.push_range(sql, range);
    sql.push(format_args!(" ORDER BY {} LIMIT ", scan.keyset.order(range, false)));
    sql.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// Reads `limit` rows along the index, then compares their tenant: a query for a flow of another tenant reads no more rows.
fn push_page_of_tenant(sql: &mut Builder, scan: &IndexScan<'_>, range: &KeyRange, limit: usize) {
    let columns = format!("{}, tenant_id", scan.columns);
    sql.push("SELECT * FROM (");
    push_page(sql, scan, &columns, range, limit);
    sql.push(") AS scanned WHERE ");
    push_condition(sql, scan);
    sql.push(format_args!(" ORDER BY {}", scan.keyset.order(range, true)));
}

/// Pushes what is evaluated on each row.
fn push_condition(sql: &mut Builder, scan: &IndexScan<'_>) {
    match &scan.filter {
        RowFilter::Tenant(None) => {
            sql.push("TRUE");
        }
        RowFilter::Tenant(Some(tenant)) => {
            sql.push("tenant_id = ").push_bind(tenant.uuid());
        }
        RowFilter::Condition(push) => push(sql),
    }
}

/// Reads along the index until `limit` rows match, or [`SCAN_LIMIT`] rows were read. The row at that limit is returned
/// whether it matches or not: the next page begins after it.
fn push_filtered_page(sql: &mut Builder, scan: &IndexScan<'_>, range: &KeyRange, limit: usize) {
    let order = scan.keyset.order(range, false);
    sql.push("SELECT * FROM (SELECT ");
    sql.push(scan.columns).push(", ");
    push_condition(sql, scan);
    sql.push(" AS matched, row_number() OVER (ORDER BY ");
    sql.push(&order).push(") AS row_number FROM ");
    sql.push(scan.table);
    (scan.push_bounds)(sql);
    scan.keyset.push_range(sql, range);
    sql.push(format_args!(
        " ORDER BY {order} LIMIT {SCAN_LIMIT}) AS scanned WHERE matched OR row_number = {SCAN_LIMIT} ORDER BY {}",
        scan.keyset.order(range, true)
    ));
    sql.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// Counts the rows that match among the first `rows` rows along the index.
fn count_statement(prefix: &str, scan: &IndexScan<'_>, rows: u64) -> Builder {
    let mut sql = Builder::new(prefix);
    sql.push("SELECT count(*) FILTER (WHERE matched), count(*) FROM (SELECT ");
    push_condition(&mut sql, scan);
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

/// Runs statements that begin with [`EXPLAIN`], and returns their plans as JSON: those that they have in the sessions of the
/// pool, which do not depend on the values of parameters.
pub(crate) async fn explain(
    pool: &PgPool,
    statements: Vec<Builder>,
) -> Result<Vec<String>, StoreError> {
    let mut plans = Vec::with_capacity(statements.len());
    for mut sql in statements {
        let text = without_values(sql.sql().as_str());
        let arguments = sql.build().take_arguments();
        let arguments = arguments.map_err(|error| store_error(sqlx::Error::Encode(error)))?;
        let query = sqlx::query_scalar_with(AssertSqlSafe(text), arguments.unwrap_or_default());
        let plan = query.persistent(false).fetch_one(pool);
        let Json::<serde_json::Value>(plan) = plan.await.map_err(store_error)?;
        plans.push(plan.to_string());
    }
    Ok(plans)
}

/// EXPLAIN plans for the values of parameters, whatever the settings are, unless they are results of subqueries.
fn without_values(sql: &str) -> String {
    let mut parts = sql.split('$');
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        // Without coalesce, ANY((SELECT $1)) would be a subquery of many rows.
        hidden.push_str(&format!("coalesce((SELECT ${number})){rest}"));
    }
    hidden
}
