//! Looks for the rows of a page, range after range.

use flowruns_domain::{Count, CountLimit, Direction, SCAN_LIMIT, StoreError};
use sqlx::{FromRow, PgPool, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    Builder,
    keyset::{KeysetPosition, KeyRange, Keyset},
};
use crate::error::{is_canceled, store_error};

pub(super) const EXPLAIN: &str = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ";

/// Pushes a part of a statement.
pub(super) type PushSql<'a> = Box<dyn Fn(&mut Builder) + Send + Sync + 'a>;

/// What is searched, and how.
pub(super) struct IndexScan<'a> {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
    pub(super) keyset: Keyset,
    /// Pushes what the index is bounded by, beginning with WHERE.
    pub(super) push_bounds: PushSql<'a>,
    /// Pushes what else must hold.
    pub(super) push_filter: PushSql<'a>,
}

/// How rows are read.
pub(super) struct RowReader<'a, R, T> {
    pub(super) read: &'a (dyn Fn(R) -> Result<T, StoreError> + Sync),
    pub(super) place: &'a (dyn Fn(&T) -> KeysetPosition + Sync),
}

#[derive(FromRow)]
struct ScannedRow<Columns> {
    #[sqlx(flatten)]
    row: Columns,
    matched: bool,
    place: i64,
}

/// The rows of a range that match, until enough were found or the bound was reached.
struct ScanResult<T> {
    hits: Vec<T>,
    /// The row at which the bound was reached.
    end: Option<KeysetPosition>,
}

/// Looks for so many rows after a place. Gives where it stopped when it looked at too many in vain.
pub(super) async fn search<R, T>(
    pool: &PgPool,
    source: &IndexScan<'_>,
    reading: &RowReader<'_, R, T>,
    after: Option<KeysetPosition>,
    wanted: usize,
) -> Result<(Vec<T>, Option<KeysetPosition>), StoreError>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    T: Send,
{
    let mut found = Vec::new();
    let mut ranges = source.keyset.ranges(after);
    let mut end = None;
    while let Some(range) = ranges.pop_front() {
        let left = wanted - found.len();
        let mut scanned = scan(pool, source, reading, &range, left).await?;
        if source.keyset.reads_ties_in_reverse(&range) {
            let cut = remove_incomplete_tie(&mut scanned, reading, left);
            if let Some(key) = cut {
                ranges.push_front(KeyRange::AfterKey(Some(key.clone())));
                ranges.push_front(KeyRange::SameKey(key.clone(), None));
                if let Some(place) = &mut scanned.end {
                    // That tie is still to be looked at, and nothing after it.
                    ranges.truncate(1);
                    place.ids.fill(match source.keyset.ties {
                        Direction::Ascending => Uuid::max(),
                        // The nil UUID is no id, so none is less than this one.
                        Direction::Descending => Uuid::from_u128(1),
                    });
                }
            }
            end = scanned.end.or(end);
            found.extend(scanned.hits);
        } else {
            found.extend(scanned.hits);
            if scanned.end.is_some() {
                return Ok((found, scanned.end));
            }
        }
        if found.len() >= wanted {
            break;
        }
    }
    Ok((found, end))
}

/// Puts ties right that came out in reverse. The last one may have been cut in the middle; its rows are taken out, and
/// its key is given. A page that is full needs no more of its last tie when a single row of it came: that row is the
/// spare one, which only says that more rows follow.
fn remove_incomplete_tie<R, T>(
    scanned: &mut ScanResult<T>,
    reading: &RowReader<'_, R, T>,
    wanted: usize,
) -> Option<flowruns_domain::SortKey> {
    let is_full = scanned.hits.len() >= wanted;
    let key_from_end = |index: usize| {
        let hit = scanned.hits.iter().rev().nth(index);
        hit.map(|hit| (reading.place)(hit).key)
    };
    let cut = match &scanned.end {
        Some(place) => Some(place.key.clone()),
        None if is_full && (wanted == 1 || key_from_end(0) == key_from_end(1)) => key_from_end(0),
        None => None,
    };
    scanned
        .hits
        .retain(|hit| cut.as_ref() != Some(&(reading.place)(hit).key));
    let mut start = 0;
    while start < scanned.hits.len() {
        let key = (reading.place)(&scanned.hits[start]).key;
        let tie = scanned.hits[start..]
            .iter()
            .take_while(|hit| (reading.place)(hit).key == key)
            .count();
        scanned.hits[start..start + tie].reverse();
        start += tie;
    }
    cut
}

async fn scan<R, T>(
    pool: &PgPool,
    source: &IndexScan<'_>,
    reading: &RowReader<'_, R, T>,
    range: &KeyRange,
    wanted: usize,
) -> Result<ScanResult<T>, StoreError>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let mut sql = Builder::new("");
    push_statement(&mut sql, source, range, wanted);
    let query = sql.build_query_as::<ScannedRow<R>>().persistent(false);
    let rows = query.fetch_all(pool).await.map_err(store_error)?;
    let mut scanned = ScanResult {
        hits: Vec::new(),
        end: None,
    };
    for ScannedRow {
        row,
        matched,
        place,
    } in rows
    {
        let row = (reading.read)(row)?;
        if usize::try_from(place) == Ok(SCAN_LIMIT) {
            scanned.end = Some((reading.place)(&row));
        }
        if matched {
            scanned.hits.push(row);
        }
    }
    Ok(scanned)
}

/// Reads along the index until enough rows match, or the bound is reached; the row at the bound comes in any case.
fn push_statement(sql: &mut Builder, source: &IndexScan<'_>, range: &KeyRange, wanted: usize) {
    let IndexScan {
        table,
        columns,
        keyset,
        ..
    } = source;
    let order = keyset.order(range, false);
    sql.push("SELECT * FROM (SELECT ").push(columns).push(", ");
    (source.push_filter)(sql);
    sql.push(" AS matched, row_number() OVER (ORDER BY ");
    sql.push(&order).push(") AS place FROM ").push(table);
    (source.push_bounds)(sql);
    keyset.push_range(sql, range);
    sql.push(format_args!(
        " ORDER BY {order} LIMIT {SCAN_LIMIT}) AS scanned WHERE matched OR place = {SCAN_LIMIT} ORDER BY {}",
        keyset.order(range, true)
    ));
    sql.push(" LIMIT ")
        .push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
}

/// How PostgreSQL carries out the statements for a page and for a count, as EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) says
/// it.
pub(super) async fn explain(
    pool: &PgPool,
    page: &IndexScan<'_>,
    after: Option<KeysetPosition>,
    wanted: usize,
    (counted, limit): (&[IndexScan<'_>], CountLimit),
) -> Result<Vec<String>, StoreError> {
    let mut statements = Vec::new();
    for range in page.keyset.ranges(after) {
        let mut sql = Builder::new(EXPLAIN);
        push_statement(&mut sql, page, &range, wanted);
        statements.push(sql);
    }
    for source in counted {
        let mut sql = Builder::new(EXPLAIN);
        push_count(&mut sql, source, u64::from(limit.rows()) + 1);
        statements.push(sql);
    }
    let mut plans = Vec::new();
    for mut sql in statements {
        let query = sql.build_query_scalar::<Json<serde_json::Value>>();
        let query = query.persistent(false).fetch_one(pool);
        plans.push(query.await.map_err(store_error)?.0.to_string());
    }
    Ok(plans)
}

/// Counts the rows that match among the first `rows` rows along the index.
fn push_count(sql: &mut Builder, source: &IndexScan<'_>, rows: u64) {
    sql.push("SELECT count(*) FILTER (WHERE matched), count(*) FROM (SELECT ");
    (source.push_filter)(sql);
    sql.push(" AS matched FROM ").push(source.table);
    (source.push_bounds)(sql);
    let along = Keyset {
        direction: source.keyset.index,
        ..source.keyset
    };
    let order = along.order(&KeyRange::AfterKey(None), false);
    sql.push(format_args!(" ORDER BY {order} LIMIT {rows}) AS scanned"));
}

/// Counts the matching rows of sources that have no row in common. The count is unknown when more rows than the limit
/// would have to be read in all, or when a statement exceeds its time limit.
pub(super) async fn count(
    pool: &PgPool,
    sources: &[IndexScan<'_>],
    limit: CountLimit,
) -> Result<Count, StoreError> {
    let (mut matched, mut scanned) = (0, 0);
    for source in sources {
        let mut sql = Builder::new("");
        push_count(&mut sql, source, u64::from(limit.rows()) + 1 - scanned);
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
