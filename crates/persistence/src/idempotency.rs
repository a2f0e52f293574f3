//! Idempotency keys: the port and its statements. Each step is one statement; a claim that lost a race reads the row
//! again.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use flowruns_domain::{
    idempotency::{
        ClaimOutcome, Digest, KeyClaim, KeyDecision, Reserved, StoredKey, StoredResponse,
    },
    store::{IdempotencyStore, StoreError, StoreErrorKind},
    timestamp::Timestamp,
};
use sqlx::{
    FromRow, Postgres,
    postgres::PgArguments,
    query::Query,
    types::{Json, Uuid},
};

use crate::{error::store_error, pool::Pool, retry::RetryBudget, store::PostgresStore};

pub(crate) const CLAIM: &str = "
    INSERT INTO idempotency_keys
        (tenant_id, digest, request, attempt_id, lease_end, reserved_id, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";

pub(crate) const FIND: &str = "
    SELECT request, attempt_id, lease_end, reserved_id, received_at, status, headers, body FROM idempotency_keys
    WHERE tenant_id = $1 AND digest = $2";

pub(crate) const REPLACE: &str = "
    UPDATE idempotency_keys SET request = $3, attempt_id = $4, lease_end = $5, reserved_id = $6, received_at = $7,
        status = NULL, headers = NULL, body = NULL
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $8";

pub(crate) const TAKE_OVER: &str = "
    UPDATE idempotency_keys SET attempt_id = $3, lease_end = $4
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $5 AND status IS NULL";

pub(crate) const KEEP: &str = "
    UPDATE idempotency_keys SET status = $4, headers = $5, body = $6
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $3 AND status IS NULL";

pub(crate) const RELEASE: &str = "
    UPDATE idempotency_keys SET lease_end = $4
    WHERE tenant_id = $1 AND digest = $2 AND attempt_id = $3 AND status IS NULL";

/// Several servers that delete keys at the same time delete different ones.
pub(crate) const FORGET: &str = "
    DELETE FROM idempotency_keys WHERE (tenant_id, digest) IN (
        SELECT tenant_id, digest FROM idempotency_keys WHERE received_at < $1
        ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

type Statement<'q> = Query<'q, Postgres, PgArguments>;

#[async_trait]
impl IdempotencyStore for PostgresStore {
    /// A repeated attempt recognizes its own claim, whose response was lost, by the id of the attempt.
    async fn claim_key(&self, claim: KeyClaim) -> Result<ClaimOutcome, StoreError> {
        let mut budget = RetryBudget::new(&self.pool, self.retry_for);
        loop {
            match attempt(&self.pool, &claim).await {
                Ok(Some(claimed)) => return Ok(claimed),
                Ok(None) => budget.check()?,
                Err(error) => budget.retry_read_after(error, "claim a key").await?,
            }
        }
    }

    async fn store_response(
        &self,
        claim: KeyClaim,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        let mut budget = RetryBudget::new(&self.pool, self.retry_for);
        let status = i16::try_from(response.code)
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        loop {
            let keep = bind_key(sqlx::query(KEEP), &claim)
                .bind(claim.attempt)
                .bind(status)
                .bind(Json(&response.attributes))
                .bind(&response.body);
            match self.pool.execute(keep).await {
                Ok(_) => return Ok(()),
                Err(error) => budget.retry_after(error, "store a response").await?,
            }
        }
    }

    async fn release_key(&self, claim: KeyClaim) -> Result<(), StoreError> {
        let release = bind_key(sqlx::query(RELEASE), &claim)
            .bind(claim.attempt)
            .bind(claim.now().date_time());
        changed_one(&self.pool, release).await.map(drop)
    }

    async fn delete_keys(&self, before: Timestamp, most: u16) -> Result<u64, StoreError> {
        let forget = sqlx::query(FORGET).bind(before.date_time()).bind(i64::from(most));
        let forgotten = self.pool.execute(forget).await.map_err(store_error)?;
        Ok(forgotten.rows_affected())
    }
}

/// One attempt to claim a key; `None` when another claim changed the row.
async fn attempt(pool: &Pool, claim: &KeyClaim) -> Result<Option<ClaimOutcome>, StoreError> {
    if changed_one(pool, bind_claim(sqlx::query(CLAIM), claim)).await? {
        return Ok(Some(ClaimOutcome::Granted(claim.reserved)));
    }
    let Some(stored) = find(pool, claim).await? else {
        return Ok(None);
    };
    let (statement, reserved) = match stored.decide(claim) {
        KeyDecision::Decline(claimed) => return Ok(Some(claimed)),
        KeyDecision::Replace => {
            (bind_claim(sqlx::query(REPLACE), claim).bind(stored.attempt), claim.reserved)
        }
        KeyDecision::TakeOver => {
            let take_over = bind_key(sqlx::query(TAKE_OVER), claim)
                .bind(claim.attempt)
                .bind(claim.lease_end().date_time())
                .bind(stored.attempt);
            (take_over, stored.reserved)
        }
    };
    let is_ours = changed_one(pool, statement).await?;
    Ok(is_ours.then_some(ClaimOutcome::Granted(reserved)))
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

async fn changed_one(pool: &Pool, statement: Statement<'_>) -> Result<bool, StoreError> {
    let done = pool.execute(statement).await.map_err(store_error)?;
    Ok(done.rows_affected() == 1)
}

/// Binds the key: $1 and $2.
fn bind_key<'q>(statement: Statement<'q>, claim: &'q KeyClaim) -> Statement<'q> {
    statement.bind(claim.key.tenant.uuid()).bind(claim.key.digest.as_slice())
}

/// Binds the claim of a first attempt: $1 to $7.
fn bind_claim<'q>(statement: Statement<'q>, claim: &'q KeyClaim) -> Statement<'q> {
    bind_key(statement, claim)
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
        let response = match (row.status, row.headers, row.body) {
            (Some(status), Some(Json(headers)), Some(body)) => Some(StoredResponse {
                code: u16::try_from(status).map_err(|_negative| corrupt("status"))?,
                attributes: headers,
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
            response,
        })
    }
}
