//! Values that break pages that do not escape them.

use std::{fmt::Write as _, sync::Arc};

use flowruns_domain::{
    flow::ReadinessStatus,
    id::{RunKey, TenantId},
    run::Outcome,
    run::Statistics,
    store::Store,
    timestamp::Timestamp,
};

use super::{
    DemoError, after, before,
    plan::{FLOWS, FlowPlan},
    reporter::{End, Reporter},
};

/// What every hostile value would set if a browser ran it: a property of `window`.
pub const CANARY: &str = "__xss";

/// Texts that leave an element, an attribute, a script, a style and a comment, and that reverse the direction of what follows.
const TEXTS: [&str; 6] = [
    "\"><img src=x onerror=\"window.__xss=1\">",
    "</title></script><script>window.__xss=2</script>",
    "'onmouseover='window.__xss=3' autofocus onfocus='window.__xss=4",
    "javascript:window.__xss=5//<!--",
    "\u{202e}txt.exe\u{2066} {{constructor.constructor('window.__xss=6')()}}",
    "</style><svg onload=window.__xss=7><animate onbegin=window.__xss=8>",
];
/// How many small reports the run has.
const REPORTS: u64 = 60;
const HISTORY_MILLIS: u64 = 1_000;
/// Between two of its runs.
const RUN_MILLIS: u64 = 15 * 60 * 1_000;

/// Runs with hostile values, of one flow.
#[derive(Clone, Copy, Debug)]
pub struct HostileRuns {
    /// A failed run with as many statistics as a run may have, and many reports.
    pub failed: RunKey,
    /// A run in progress.
    pub running: RunKey,
}

/// Writes a flow with a hostile name, runs in progress and a failed run: hostile names, codes, messages and members. Nothing of it
/// may run in a browser; see [`CANARY`].
///
/// # Errors
///
/// The store failed.
pub async fn fill_hostile(
    store: Arc<dyn Store>,
    tenant: TenantId,
    now: Timestamp,
) -> Result<HostileRuns, DemoError> {
    let reporter = Reporter::new(store);
    let start = before(now, 2 * 3600)?;
    let plan = FlowPlan { name: TEXTS[0], readiness: ReadinessStatus::Ready, ..FLOWS[0] };
    let flow = reporter.create_flow(tenant, &plan, start).await?;
    let mut running = reporter.create_run(flow, TEXTS[1], start).await?;
    for (number, text) in (1..).zip(&TEXTS[2..]) {
        running = reporter.create_run(flow, text, after(start, number * RUN_MILLIS)?).await?;
    }
    let failed = reporter.create_run(flow, TEXTS[0], after(start, 5 * RUN_MILLIS)?).await?;
    let mut at = start;
    for number in 0..REPORTS {
        at = after(start, 5 * RUN_MILLIS + (number + 1) * HISTORY_MILLIS)?;
        let statistics =
            format!(r#"{{{}:{number}}}"#, quoted(TEXTS[number as usize % TEXTS.len()]));
        reporter.report(failed, &statistics, at).await?;
    }
    let end = End { outcome: Outcome::Failed, statistics: statistics(), at };
    reporter.end_with(failed, end, Some(&error())).await?;
    Ok(HostileRuns { failed, running })
}

/// Close to as many bytes as a run may have.
fn statistics() -> String {
    let mut members = format!("{}:{{", quoted("nested"));
    for (number, text) in TEXTS.iter().enumerate() {
        let _infallible =
            write!(members, "{}:{},", quoted(&format!("{text}{number}")), quoted(text));
    }
    let _infallible = write!(members, "{}:1}}", quoted("last"));
    let free_bytes = Statistics::MAX_BYTES - members.len() - 2048;
    format!("{{{members},{}:{}}}", quoted("large"), quoted(&"<b>&amp;".repeat(free_bytes / 8)))
}

fn error() -> String {
    let [image, script, handler, url, direction, style] = TEXTS.map(quoted);
    format!(
        r#"{{"code":{script},"message":{image},"target":{url},"details":[{{"code":{handler},"message":{style},"target":{direction}}}],"innerError":{{"code":{style},"message":{script},"target":{url},"details":[]}}}}"#
    )
}

/// A JSON string. The texts have neither control characters nor backslashes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}
