//! Examples of bodies: one flow, one run of it, and operations on them.

use serde_json::{Value, json};

const FLOW: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
const RUN: &str = "0197f3a1-02b4-7d10-8c4e-6a5f0b9e1d27";
const ROOT: &str = "http://127.0.0.1:8080";

pub(crate) fn flow() -> Value {
    json!({
        "@odata.context": format!("{ROOT}/$metadata#industryData/incomingFlows/$entity"),
        "@odata.type": "#microsoft.graph.incomingFlow",
        "@odata.etag": "W/\"0197f3a05c1e7c3a9d532f3a1b6c7d8e.1\"",
        "id": FLOW,
        "displayName": "Nightly rosters",
        "readinessStatus": "ready",
        "dataDomain": "educationRostering",
        "recurrenceEffectiveDateTime": "2026-03-01T00:00:00Z",
        "recurrenceExpirationDateTime": null,
        "eTag": "W/\"0197f3a05c1e7c3a9d532f3a1b6c7d8e.1\"",
    })
}

pub(crate) fn new_flow() -> Value {
    json!({"displayName": "Nightly rosters"})
}

pub(crate) fn flow_patch() -> Value {
    json!({"readinessStatus": "notReady", "recurrenceExpirationDateTime": null})
}

pub(crate) fn run() -> Value {
    let context = format!("{ROOT}/$metadata#industryData/incomingFlows('{FLOW}')/runs/$entity");
    let mut run = run_item();
    run["@odata.context"] = json!(context);
    run["blockingError"] = json!({
        "@odata.type": "microsoft.graph.publicError",
        "code": "sourceUnreachable",
        "message": "the source did not answer",
    });
    run["statistics"] = json!({"@odata.type": "microsoft.graph.runStatistics", "rows": 1200});
    run
}

pub(crate) fn run_item() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.run",
        "@odata.etag": "W/\"0197f3a05c1e7c3a9d532f3a1b6c7d8e.0197f3a102b47d108c4e6a5f0b9e1d27.2\"",
        "id": RUN,
        "displayName": "Rosters of 1 March",
        "startDateTime": "2026-03-01T08:30:00Z",
        "endDateTime": "2026-03-01T08:42:10.250000Z",
        "status": "failed",
    })
}

pub(crate) fn new_run() -> Value {
    json!({"displayName": "Rosters of 1 March", "statistics": {"rows": 0}})
}

pub(crate) fn run_patch() -> Value {
    json!({
        "status": "failed",
        "blockingError": {"code": "sourceUnreachable", "message": "the source did not answer"},
        "statistics": {"rows": 1200},
    })
}

pub(crate) fn event() -> Value {
    json!({
        "version": 2,
        "occurredDateTime": "2026-03-01T08:42:10.250000Z",
        "actor": "nightly",
        "requestId": "0197f3ac-91d0-7f2b-a1c3-4be2d6170f58",
        "action": "updated",
        "changes": [{"property": "statistics/rows", "before": 0, "after": 1200}],
    })
}

pub(crate) fn list(fragment: &str, item: &Value) -> Value {
    json!({
        "@odata.context": format!("{ROOT}/$metadata#industryData/incomingFlows{fragment}"),
        "value": [item],
    })
}

pub(crate) fn runs() -> Value {
    list(&format!("('{FLOW}')/runs"), &run_item())
}

pub(crate) fn events() -> Value {
    list(&format!("('{FLOW}')/runs('{RUN}')/history"), &event())
}

pub(crate) fn error(code: &str, inner_code: &str, message: &str) -> Value {
    let request = "0197f3ac-91d0-7f2b-a1c3-4be2d6170f58";
    json!({"error": {
        "code": code,
        "message": message,
        "innerError": {
            "code": inner_code,
            "date": "2026-03-01T08:42:10.250000Z",
            "request-id": request,
            "client-request-id": request,
        },
    }})
}
