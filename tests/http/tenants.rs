//! Tenants apart: what belongs to another is answered as what never was, by every route there is.

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

/// What a batch takes at once.
const BATCH: usize = 20;

#[tokio::test]
async fn another_tenants_ids_are_answered_as_ids_that_never_were() {
    let fixture = Fixture::start().await;
    let before = fixture.all_of_the_other().await;
    for probe in matrix(&fixture) {
        let foreign = fixture.send(&probe, Side::Foreign).await;
        let absent = fixture.send(&probe, Side::Absent).await;
        assert_eq!(
            comparable(&foreign, &fixture.foreign),
            comparable(&absent, &fixture.absent),
            "{probe:?}"
        );
        assert!(probe.allows(foreign.status), "{probe:?}: {foreign:?}");
        assert!(!fixture.tells_of_the_other(&foreign), "{probe:?}: {foreign:?}");
    }
    assert_eq!(fixture.all_of_the_other().await, before);
}

#[tokio::test]
async fn another_tenants_ids_take_the_statements_that_ids_take_which_never_were() {
    let fixture = Fixture::start().await;
    let recorder = Recorder::start();
    let mut statements = 0;
    for probe in matrix(&fixture) {
        // A connection's first statements look types up.
        fixture.send(&probe, Side::Unused).await;
        let mut taken = Vec::new();
        for side in [Side::Foreign, Side::Absent] {
            recorder.take();
            fixture.send(&probe, side).await;
            taken.push(recorder.take());
        }
        assert_eq!(taken[0], taken[1], "{probe:?}");
        statements += taken[0].len();
    }
    assert!(statements > 100, "{statements} were recorded");
}

#[tokio::test]
async fn the_items_of_a_batch_reach_no_other_tenant() {
    let fixture = Fixture::start().await;
    let before = fixture.all_of_the_other().await;
    // Two creations of one run side by side are answered in any order.
    let (alone, together): (Vec<_>, Vec<_>) =
        matrix(&fixture).into_iter().partition(Probe::may_create);
    for probes in alone.chunks(1).chain(together.chunks(BATCH)) {
        let mut replies = Vec::new();
        for (side, ids) in [(Side::Foreign, &fixture.foreign), (Side::Absent, &fixture.absent)] {
            let answer = fixture.send_batch(probes, side).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            let items = answer.json["responses"].as_array().unwrap();
            assert_eq!(items.len(), probes.len());
            let items = items.iter().map(|item| fixture::comparable_item(item, ids));
            replies.push(items.collect::<Vec<_>>());
        }
        assert_eq!(replies[0], replies[1], "{probes:?}");
    }
    assert_eq!(fixture.all_of_the_other().await, before);
}

#[tokio::test]
async fn the_same_run_id_and_the_same_key_serve_two_tenants() {
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
    let place = format!("{list}/{}", fixture.foreign.run);
    assert_eq!(created.header("location"), format!("http://localhost{place}"));
    let patched = mine.patch(&place, json!({"status": "failed"})).await;
    assert_eq!(patched.json["status"], "failed");
    assert_eq!(mine.history(&place).await.len(), 2);
    assert_eq!(mine.delete(&place).await.status, StatusCode::NO_CONTENT);
    let theirs = other.get(&fixture.other_run_url()).await;
    assert_eq!(theirs.json["status"], "running");
    assert_eq!(other.history(&fixture.other_run_url()).await.len(), 1);
}

/// What has no id in its address shows the caller's own rows alone.
#[tokio::test]
async fn lists_and_counts_show_nothing_of_another_tenant() {
    let fixture = Fixture::start().await;
    let mut answered = 0;
    for url in matrix::own_reads(&fixture) {
        let answer = fixture.app.get(&url).await;
        assert!(!fixture.tells_of_the_other(&answer), "{url}: {answer:?}");
        let is_there = answer.status != StatusCode::NOT_FOUND;
        assert!(is_there, "{url}: {answer:?}");
        answered += 1;
    }
    assert!(answered > 20, "{answered}");
    for (list, own) in [("incomingFlows", 1), ("runs", 2)] {
        let url = format!("/industryData/{list}/$count");
        assert_eq!(fixture.app.get(&url).await.body, own.to_string(), "{url}");
    }
}

/// A probe that would reach the other tenant, were it not for the tenant of the token, is one that reaches it.
#[tokio::test]
async fn the_other_tenant_itself_is_answered() {
    let fixture = Fixture::start().await;
    let mut found = 0;
    for probe in matrix(&fixture) {
        if probe.method != Method::GET || !probe.is_all_foreign {
            continue;
        }
        let answer = fixture.send_as(&fixture.other, &probe, Side::Foreign).await;
        let is_found = answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED;
        found += usize::from(is_found);
    }
    assert!(found > 20, "{found}");
}
