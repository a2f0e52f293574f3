//! Idempotency keys. Each step is one statement; a claim that lost a race looks again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flowruns_domain::{
    Claimed, Digest, KeptAnswer, KeyClaim, KeyDecision, Reserved, StoreError, StoreErrorKind,
    StoredKey, Timestamp,
};
use sqlx::{
    FromRow, Postgres,
    postgres::PgArguments,
    query::Query,
    types::{Json, Uuid},
};

use crate::{error::store_error, pool::Pool, retry::Budget};

const HOLD: &str = "
    INSERT INTO idempotency_keys
        (tenant_id, digest, request, attempt_id, lease_end, reserved_id, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";

const FIND: &str = "
    SELECT request, attempt_id, lease_end, reserved_id, received_at, status, headers, body FROM idempotency_keys
    WHERE tenant_id = $1 AND digest = $2";

const REPLACE: &str = "
    UPDATE idempotency_keys SET request = $3, attempt_id = $4, lease_end = $5, reserved_id = $6, received_at = $7,
        status = NULL, headers = NULL, body = NULL
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $8";

const TAKE_OVER: &str = "
    UPDATE idempotency_keys SET attempt_id = $3, lease_end = $4
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $5 AND status IS NULL";

const KEEP: &str = "
    UPDATE idempotency_keys SET status = $4, headers = $5, body = $6
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $3 AND status IS NULL";

const RELEASE: &str = "
    UPDATE idempotency_keys SET lease_end = $4
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $3 AND status IS NULL";

/// Of several servers that forget at once, each takes others.
const FORGET: &str = "
    DELETE FROM idempotency_keys WHERE (tenant_id, digest) IN (
        SELECT tenant_id, digest FROM idempotency_keys WHERE received_at < $1
        ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Claims a key. Retried within `retry_for`: a claim whose answer was lost finds itself.
pub(crate) async fn claim(
    pool: &Pool,
    retry_for: Duration,
    claim: &KeyClaim,
) -> Result<Claimed, StoreError> {
    let mut budget = Budget::new(retry_for);
    loop {
        match attempt(pool, claim).await {
            Ok(Some(claimed)) => return Ok(claimed),
            Ok(None) => budget.check()?,
            Err(error) => budget.retry_read_after(error, "claim a key").await?,
        }
    }
}

/// One attempt; `None` when the row changed meanwhile.
async fn attempt(pool: &Pool, claim: &KeyClaim) -> Result<Option<Claimed>, StoreError> {
    if changed_one(pool, held(HOLD, claim)).await? {
        return Ok(Some(Claimed::Granted(claim.reserved)));
    }
    let Some(stored) = find(pool, claim).await? else {
        return Ok(None);
    };
    let (statement, reserved) = match stored.decide(claim) {
        KeyDecision::Answer(claimed) => return Ok(Some(claimed)),
        KeyDecision::Replace => (held(REPLACE, claim).bind(stored.attempt), claim.reserved),
        KeyDecision::TakeOver => {
            let take_over = of_key(TAKE_OVER, claim)
                .bind(claim.attempt)
                .bind(claim.lease_end().date_time())
                .bind(stored.attempt);
            (take_over, stored.reserved)
        }
    };
    let is_ours = changed_one(pool, statement).await?;
    Ok(is_ours.then_some(Claimed::Granted(reserved)))
}

async fn find(pool: &Pool, claim: &KeyClaim) -> Result<Option<StoredKey>, StoreError> {
    let row: Option<KeyRow> = sqlx::query_as(FIND)
        .bind(claim.key.tenant.uuid())
        .bind(claim.key.digest.as_slice())
        .fetch_optional(pool.connections())
        .await
        .map_err(store_error)?;
    row.map(StoredKey::try_from).transpose()
}

pub(crate) async fn keep(
    pool: &Pool,
    retry_for: Duration,
    claim: &KeyClaim,
    answer: &KeptAnswer,
) -> Result<(), StoreError> {
    let mut budget = Budget::new(retry_for);
    let status = i16::try_from(answer.status)
        .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
    loop {
        let keep = of_key(KEEP, claim)
            .bind(claim.attempt)
            .bind(status)
            .bind(Json(&answer.headers))
            .bind(&answer.body);
        match pool.execute(keep).await {
            Ok(_) => return Ok(()),
            Err(error) => budget.retry_after(error, "keep an answer").await?,
        }
    }
}

pub(crate) async fn release(pool: &Pool, claim: &KeyClaim) -> Result<(), StoreError> {
    let release = of_key(RELEASE, claim)
        .bind(claim.attempt)
        .bind(claim.now().date_time());
    changed_one(pool, release).await.map(drop)
}

pub(crate) async fn forget(pool: &Pool, before: Timestamp, most: u16) -> Result<u64, StoreError> {
    let forget = sqlx::query(FORGET)
        .bind(before.date_time())
        .bind(i64::from(most));
    let forgotten = pool.execute(forget).await.map_err(store_error)?;
    Ok(forgotten.rows_affected())
}

async fn changed_one(pool: &Pool, statement: Statement<'_>) -> Result<bool, StoreError> {
    let done = pool.execute(statement).await.map_err(store_error)?;
    Ok(done.rows_affected() == 1)
}

fn of_key<'q>(sql: &'static str, claim: &'q KeyClaim) -> Statement<'q> {
    sqlx::query(sql)
        .bind(claim.key.tenant.uuid())
        .bind(claim.key.digest.as_slice())
}

/// Binds all that a first attempt holds: $1 to $7.
fn held<'q>(sql: &'static str, claim: &'q KeyClaim) -> Statement<'q> {
    of_key(sql, claim)
        .bind(claim.request.as_slice())
        .bind(claim.attempt)
        .bind(claim.lease_end().date_time())
        .bind(claim.reserved.id)
        .bind(claim.now().date_time())
}

#[derive(FromRow)]
struct KeyRow {
    request: Vec<u8>,
    attempt_id: Uuid,
    lease_end: DateTime<Utc>,
    reserved_id: Uuid,
    received_at: DateTime<Utc>,
    status: Option<i16>,
    headers: Option<Json<Vec<(String, String)>>>,
    body: Option<Vec<u8>>,
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let attempt = row.attempt_id;
        let corrupt = |column| StoreError {
            kind: StoreErrorKind::Corrupt {
                table: "idempotency_keys",
                column,
                id: format!("attempt {attempt}"),
            },
            source: None,
        };
        let answer = match (row.status, row.headers, row.body) {
            (Some(status), Some(Json(headers)), Some(body)) => Some(KeptAnswer {
                status: u16::try_from(status).map_err(|_negative| corrupt("status"))?,
                headers,
                body,
            }),
            _ => None,
        };
        let time = |column, time| Timestamp::new(time).map_err(|_out_of_range| corrupt(column));
        Ok(Self {
            request: Digest::try_from(row.request).map_err(|_length| corrupt("request"))?,
            attempt,
            reserved: Reserved {
                id: row.reserved_id,
                received: time("received_at", row.received_at)?,
            },
            lease_end: time("lease_end", row.lease_end)?,
            answer,
        })
    }
}
