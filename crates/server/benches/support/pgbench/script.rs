//! The scripts of pgbench. Each is the work of one request in its best single statement.

use super::super::{
    dataset::{Dataset, FIRST_MILLISECOND, FLOW_TAIL, RUN_TAIL},
    kind::Kind,
    request::HOT_RUN,
};

/// Cheaper for PostgreSQL than the service: it need not read first, and no version that was read can be outdated.
/// Sending only the changed members (`statistics || …`) was measured to be no faster.
const PATCH: &str = "
WITH written AS (
    UPDATE runs SET statistics = :statistics, version = version + 1, modified_at = now()
    WHERE flow_id = FLOW AND tenant_id = :tenant AND id = RUN AND deleted_at IS NULL
    RETURNING flow_id, tenant_id, id, version, modified_at
)
INSERT INTO run_events
    (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id, action, changes)
SELECT flow_id, tenant_id, id, version, modified_at, gen_random_uuid(), :actor, gen_random_uuid(), 'updated', :changes
FROM written;
";

/// The id has the form of the service's: the milliseconds, then random digits.
const POST: &str = "
WITH created AS (
    INSERT INTO runs (flow_id, tenant_id, id, display_name, start_at, status, version, statistics, created_at, modified_at)
    SELECT id, tenant_id,
        ('0' || to_hex((extract(epoch FROM now()) * 1000)::bigint) || '7' || to_hex(:first::int) || '8000' || to_hex(:last::bigint))::uuid,
        :name, now(), 'running', 1, :statistics, now(), now()
    FROM flows WHERE id = FLOW AND tenant_id = :tenant
    ON CONFLICT (flow_id, id) DO NOTHING
    RETURNING flow_id, tenant_id, id, version, modified_at
)
INSERT INTO run_events
    (flow_id, tenant_id, run_id, version, occurred_at, event_id, actor, request_id, action, changes)
SELECT flow_id, tenant_id, id, version, modified_at, gen_random_uuid(), :actor, gen_random_uuid(), 'created', :creation
FROM created;
";

const GET: &str = "
SELECT id, display_name, start_at, end_at, status, version, blocking_error, statistics, created_at, modified_at
FROM runs WHERE flow_id = FLOW AND tenant_id = :tenant AND id = RUN AND deleted_at IS NULL;
";

/// With the row that shows that another page follows.
const LIST: &str = "
SELECT id, display_name, start_at, end_at, status, version
FROM runs WHERE flow_id = FLOW AND deleted_at IS NULL AND tenant_id = :tenant
ORDER BY start_at DESC, id LIMIT 51;
";

/// The script of a kind of load.
pub(super) fn text(dataset: Dataset, kind: Kind) -> String {
    let numbers = dataset.numbers_in_use();
    let number = match kind {
        Kind::Hot => HOT_RUN.to_string(),
        _ => format!("random({}, {})", numbers.start(), numbers.end()),
    };
    let statement = match kind {
        Kind::Patch | Kind::Cold | Kind::InProgress | Kind::Hot => PATCH,
        Kind::Post => POST,
        Kind::Get => GET,
        Kind::List => LIST,
    };
    let statement = statement
        .replace("FLOW", &format!("('0' || to_hex(:flow::bigint) || '{FLOW_TAIL}')::uuid"))
        .replace("RUN", &format!("('0' || to_hex(:run::bigint) || '{RUN_TAIL}')::uuid"));
    // Three and twelve hexadecimal digits.
    let id = match kind {
        Kind::Post => {
            "\\set first random(256, 4095)\n\\set last random(17592186044416, 281474976710655)\n"
        }
        _ => "",
    };
    format!(
        "\\set number {number}\n\\set run {FIRST_MILLISECOND} + :number\n\
         \\set flow {FIRST_MILLISECOND} + :number % {}\n{id}{statement}",
        dataset.flows
    )
}
