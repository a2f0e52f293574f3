//! Tenant isolation: on every route, another tenant's rows have the responses of rows that do not exist.

mod fixture;
mod matrix;
mod statements;

use axum::http::{Method, StatusCode};
use serde_json::json;

use self::{
    fixture::{FLOWS, Fixture, Side, comparable},
    matrix::{Probe, matrix},
    statements::Recorder,
};

/// The most requests of a batch.
const BATCH: usize = 20;

#[tokio::test]
async fn another_tenants_ids_have_the_responses_of_unknown_ids() {
    let fixture = Fixture::start().await;
    let before = fixture.everything_of_the_other().await;
    for probe in matrix(&fixture) {
        let foreign = fixture.send(&probe, Side::Foreign).await;
        let absent = fixture.send(&probe, Side::Absent).await;
        assert_eq!(
            comparable(&foreign, &fixture.foreign),
            comparable(&absent, &fixture.absent),
            "{probe:?}"
        );
        assert!(probe.allows(foreign.status), "{probe:?}: {foreign:?}");
        assert!(!fixture.reveals_the_other_tenant(&foreign), "{probe:?}: {foreign:?}");
    }
    assert_eq!(fixture.everything_of_the_other().await, before);
}

#[tokio::test]
async fn another_tenants_ids_execute_the_statements_of_unknown_ids() {
    let fixture = Fixture::start().await;
    let recorder = Recorder::start();
    let mut statements = 0;
    for probe in matrix(&fixture) {
        // The first statements of a connection look up types.
        fixture.send(&probe, Side::Unused).await;
        let mut executed = Vec::new();
        for side in [Side::Foreign, Side::Absent] {
            recorder.take();
            fixture.send(&probe, side).await;
            executed.push(recorder.take());
        }
        assert_eq!(executed[0], executed[1], "{probe:?}");
        statements += executed[0].len();
    }
    assert!(statements > 100, "{statements} were recorded");
}

#[tokio::test]
async fn the_items_of_a_batch_reach_no_other_tenant() {
    let fixture = Fixture::start().await;
    let before = fixture.everything_of_the_other().await;
    // Two concurrent creations of one run may finish in any order.
    let (alone, together): (Vec<_>, Vec<_>) =
        matrix(&fixture).into_iter().partition(Probe::may_create);
    for probes in alone.chunks(1).chain(together.chunks(BATCH)) {
        let mut replies = Vec::new();
        for (side, ids) in [(Side::Foreign, &fixture.foreign), (Side::Absent, &fixture.absent)] {
            let response = fixture.send_batch(probes, side).await;
            assert_eq!(response.status, StatusCode::OK, "{response:?}");
            let items = response.json["responses"].as_array().unwrap();
            assert_eq!(items.len(), probes.len());
            let items = items.iter().map(|item| fixture::comparable_item(item, ids));
            replies.push(items.collect::<Vec<_>>());
        }
        assert_eq!(replies[0], replies[1], "{probes:?}");
    }
    assert_eq!(fixture.everything_of_the_other().await, before);
}

#[tokio::test]
async fn two_tenants_may_use_the_same_run_id_and_key() {
    let fixture = Fixture::start().await;
    let (mine, other) = (&fixture.app, &fixture.other);
    let key = [("idempotency-key", "one-key")];
    let body = json!({"displayName": "theirs"}).to_string();
    let theirs = other.send(Method::POST, FLOWS, &key, &body).await;
    let same = other.send(Method::POST, FLOWS, &key, &body).await;
    let body = json!({"displayName": "mine"}).to_string();
    let ours = mine.send(Method::POST, FLOWS, &key, &body).await;
    let again = mine.send(Method::POST, FLOWS, &key, &body).await;
    assert_eq!((same.body, again.body), (theirs.body, ours.body.clone()));
    assert_eq!((theirs.status, ours.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(ours.json["displayName"], "mine");
    assert_ne!(ours.json["id"], theirs.json["id"]);

    let run = json!({"id": fixture.foreign.run, "displayName": "mine"});
    let list = format!("{FLOWS}/{}/runs", ours.json["id"].as_str().unwrap());
    let created = mine.post(&list, run).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let location = format!("{list}/{}", fixture.foreign.run);
    assert_eq!(created.header("location"), format!("http://localhost{location}"));
    let patched = mine.patch(&location, json!({"status": "failed"})).await;
    assert_eq!(patched.json["status"], "failed");
    assert_eq!(mine.history(&location).await.len(), 2);
    assert_eq!(mine.delete(&location).await.status, StatusCode::NO_CONTENT);
    let theirs = other.get(&fixture.other_run_url()).await;
    assert_eq!(theirs.json["status"], "running");
    assert_eq!(other.history(&fixture.other_run_url()).await.len(), 1);
}

/// A route without an id in its URL shows only the caller's own rows.
#[tokio::test]
async fn lists_and_counts_show_nothing_of_another_tenant() {
    let fixture = Fixture::start().await;
    let mut found = 0;
    for url in matrix::own_reads(&fixture) {
        let response = fixture.app.get(&url).await;
        assert!(!fixture.reveals_the_other_tenant(&response), "{url}: {response:?}");
        let exists = response.status != StatusCode::NOT_FOUND;
        assert!(exists, "{url}: {response:?}");
        found += 1;
    }
    assert!(found > 20, "{found}");
    for (list, own) in [("incomingFlows", 1), ("runs", 2)] {
        let url = format!("/industryData/{list}/$count");
        assert_eq!(fixture.app.get(&url).await.body, own.to_string(), "{url}");
    }
}

/// Every probe finds the rows when it is sent with a token of their tenant.
#[tokio::test]
async fn the_other_tenant_finds_its_own_rows() {
    let fixture = Fixture::start().await;
    let mut found = 0;
    for probe in matrix(&fixture) {
        if probe.method != Method::GET || !probe.is_all_foreign {
            continue;
        }
        let response = fixture.send_as(&fixture.other, &probe, Side::Foreign).await;
        let is_found = response.status.is_success() || response.status == StatusCode::NOT_MODIFIED;
        found += usize::from(is_found);
    }
    assert!(found > 20, "{found}");
}
