//! A database with a million runs.

use flowruns_domain::id::FlowKey;
use flowruns_persistence::PostgresStore;
use flowruns_testing::scratch::ScratchDatabase;
use sqlx::{ConnectOptions as _, Executor as _};

const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
const BIG_FLOW: &str = "00000001-0000-7000-8000-000000000001";

pub(super) struct Table(ScratchDatabase);

/// The flow that has most of the runs.
pub(super) fn big_flow() -> FlowKey {
    FlowKey { tenant: TENANT.parse().unwrap(), flow: BIG_FLOW.parse().unwrap() }
}

/// A number as the id of a flow.
const FLOW: &str = "(lpad(to_hex(flow), 8, '0') || '-0000-7000-8000-000000000001')::uuid";

/// Half of the flows belong to another tenant.
const OWNER: &str = "CASE WHEN flow <= 50000 THEN '1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55'::uuid
    ELSE '5f0d2b52-5a3e-4c52-8a53-0e5f6f1f2a11' END";

fn flows(from: u32, to: u32) -> String {
    format!(
        "INSERT INTO flows (id, tenant_id, version, display_name, readiness_status, data_domain, effective_at)
        SELECT {FLOW}, {OWNER}, 1, 'Flow ' || flow % 1000, 'ready', 'educationRostering', now()
        FROM generate_series({from}, {to}) flow;"
    )
}

/// 600,000 runs of one flow and four of each other; one in a thousand failed, one in two thousand is in progress, and
/// every tenth shares its start with nine others. 20,000 runs share one start, one end and one name; 100,000 were deleted.
fn runs(from: u32, to: u32) -> String {
    let minute =
        "CASE WHEN n BETWEEN 100000 AND 119999 THEN 10000 ELSE n / 10 END * interval '1 minute'";
    format!(
        "INSERT INTO runs (flow_id, id, tenant_id, display_name, start_at, end_at, status, statistics, version,
            created_at, modified_at, deleted_at)
        SELECT {FLOW}, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, {OWNER},
            'run ' || CASE WHEN n BETWEEN 100000 AND 119999 THEN 500 ELSE n % 1000 END,
            timestamptz '2026-01-01' + {minute},
            CASE WHEN n % 2000 = 7 THEN NULL ELSE timestamptz '2028-01-01' + {minute} END,
            CASE WHEN n % 2000 = 7 THEN 'running' WHEN n % 1000 = 3 THEN 'failed' ELSE 'completed' END,
            '{{}}', 1, now(), now(), CASE WHEN n BETWEEN 200000 AND 299999 THEN now() END
        FROM (SELECT n, CASE WHEN n <= 600000 THEN 1 ELSE 1 + n % 100000 END AS flow
            FROM generate_series({from}, {to}) n) numbered;"
    )
}

/// A thousand runs that completed, all of one flow and one name.
const BEGINNING: &str = "
    INSERT INTO runs (flow_id, id, tenant_id, display_name, start_at, end_at, status, statistics, version, created_at,
        modified_at)
    SELECT '00000001-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        '1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55', 'run 0', timestamptz '2025-12-31' + n * interval '1 second',
        timestamptz '2027-12-31' + n * interval '1 second', 'completed', '{}', 1, now(), now()
    FROM generate_series(1, 1000) n;";

impl Table {
    /// With a thousand runs.
    pub(super) async fn begun() -> Self {
        let table = Self(ScratchDatabase::create().await);
        // Statistics change only when a test analyzes the tables.
        for name in ["runs", "flows"] {
            table.execute(format!("ALTER TABLE {name} SET (autovacuum_enabled = off)")).await;
        }
        table.execute(flows(1, 1) + BEGINNING).await;
        table
    }

    /// Adds the other runs of the million.
    pub(super) async fn fill(&self) {
        self.execute(flows(2, 100_000)).await;
        tokio::join!(self.execute(runs(1001, 500_000)), self.execute(runs(500_001, 1_000_000)));
    }

    pub(super) async fn analyze(&self) {
        self.execute("ANALYZE runs, flows".to_owned()).await;
    }

    /// Removes all statistics, as if the tables had never been analyzed.
    pub(super) async fn forget_statistics(&self) {
        let forget = "DELETE FROM pg_statistic USING pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
            WHERE starelid = c.oid AND coalesce(i.indrelid, c.oid) IN ('runs'::regclass, 'flows'::regclass);
            UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid IN ('runs'::regclass, 'flows'::regclass)";
        let mut superuser = self.0.superuser().connect().await.unwrap();
        superuser.execute(sqlx::AssertSqlSafe(forget.to_owned())).await.unwrap();
    }

    pub(super) async fn store(&self) -> PostgresStore {
        self.0.store().await
    }

    pub(super) async fn execute(&self, statements: String) {
        let mut owner = self.0.owner().connect().await.unwrap();
        owner.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statements))).await.unwrap();
    }
}
