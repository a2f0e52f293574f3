//! Creations with an Idempotency-Key are executed once, even after failures.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::http::{Method, StatusCode};
use flowruns_domain::{
    clock::Clock as _, idempotency::KeyClaim, store::IdempotencyStore as _, timestamp::Timestamp,
};
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::app::{AUDIENCE, App, ISSUER, TestResponse};

const FLOWS: &str = "/industryData/incomingFlows";
const BODY: &str = r#"{"displayName":"once"}"#;
const LEASE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn post(app: &App, url: &str, key: &str, body: &str) -> TestResponse {
    let key = ("idempotency-key", key);
    app.send(Method::POST, url, &[key], body).await
}

fn shown(response: &TestResponse) -> (StatusCode, [&str; 5], &str) {
    let names = ["content-type", "etag", "location", "odata-entityid", "preference-applied"];
    let headers = names.map(|name| response.header(name));
    (response.status, headers, &response.body)
}

async fn rows(app: &App, url: &str) -> usize {
    app.get(url).await.json["value"].as_array().unwrap().len()
}

async fn runs_url(app: &App) -> String {
    format!("{FLOWS}/{}/runs", app.flow().await)
}

async fn as_owner(app: &App, statement: &'static str) {
    let mut owner = PgConnection::connect_with(&app.database.owner()).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut owner).await.unwrap();
}

/// The state after a server crashed between the creation and the response.
async fn lose_the_response(app: &App) {
    as_owner(app, "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL").await;
}

#[tokio::test]
async fn a_repeated_creation_has_the_first_response() {
    let app = App::start().await;
    let runs = runs_url(&app).await;
    for (url, body) in [(runs.as_str(), BODY), (FLOWS, r#"{"displayName":"a flow"}"#)] {
        let before = rows(&app, url).await;
        let first = post(&app, url, url, body).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
        assert_eq!(first.header("idempotency-replayed"), "");
        let location = first.header("location").strip_prefix("http://localhost");
        app.patch(location.unwrap(), json!({"displayName": "changed"})).await;
        app.clock.advance(DAY - Duration::from_secs(1));
        let again = post(&app, url, url, body).await;
        assert_eq!(shown(&again), shown(&first));
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(rows(&app, url).await, before + 1);
    }
}

#[tokio::test]
async fn a_response_without_a_body_is_repeated() {
    let app = App::start().await;
    for url in [FLOWS.to_owned(), runs_url(&app).await] {
        let headers = [("idempotency-key", url.as_str()), ("prefer", "return=minimal")];
        let first = app.send(Method::POST, &url, &headers, BODY).await;
        let again = app.send(Method::POST, &url, &headers, BODY).await;
        assert_eq!(first.status, StatusCode::NO_CONTENT);
        assert_eq!(first.header("preference-applied"), "return=minimal");
        assert_eq!(first.header("location"), first.header("odata-entityid"));
        assert_eq!(shown(&again), shown(&first));
    }
}

#[tokio::test]
async fn a_rejection_is_stored_for_its_key() {
    let app = App::start().await;
    let url = runs_url(&app).await;
    let first = post(&app, &url, "rejected", r#"{"displayName":""}"#).await;
    assert_eq!((first.status, first.code()), (StatusCode::BAD_REQUEST, "invalidDisplayName"));
    app.clock.advance(Duration::from_secs(1));
    let again = post(&app, &url, "rejected", r#"{"displayName":""}"#).await;
    assert_eq!(shown(&again), shown(&first));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_ne!(again.header("request-id"), first.header("request-id"));
    let absent = format!("{FLOWS}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e/runs");
    let first = post(&app, &absent, "absent", BODY).await;
    assert_eq!(first.code(), "flowNotFound");
    assert_eq!(shown(&post(&app, &absent, "absent", BODY).await), shown(&first));
}

#[tokio::test]
async fn a_key_of_another_body_or_route_is_rejected() {
    let app = App::start().await;
    let (url, other) = (runs_url(&app).await, runs_url(&app).await);
    let first = post(&app, &url, "key", BODY).await;
    let others =
        [(url.as_str(), r#"{"displayName":"twice"}"#), (other.as_str(), BODY), (FLOWS, BODY)];
    for (url, body) in others {
        let response = post(&app, url, "key", body).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotencyKeyReused"),
            "{url} {body}"
        );
        assert_eq!(response.json["error"]["code"], "unprocessableEntity");
    }
    assert_eq!(rows(&app, &other).await, 0);
    // The same route in another form, also below `/beta`.
    let beta = format!("/beta{url}");
    let parentheses = url.replace("Flows/", "Flows('").replace("/runs", "')/runs");
    for url in [
        url.to_uppercase().replace(&FLOWS.to_uppercase(), FLOWS).replace("/RUNS", "/runs"),
        parentheses,
        beta,
    ] {
        assert_eq!(shown(&post(&app, &url, "key", BODY).await), shown(&first), "{url}");
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_tenant() {
    let app = App::start().await;
    let first = post(&app, FLOWS, "key", BODY).await;
    let other_tenant = "2e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
    for (tenant, caller) in [(app.tenant.as_str(), "another"), (other_tenant, "tester")] {
        let token = app.token(
            &json!({"iss": ISSUER, "aud": AUDIENCE, "tid": tenant, "azp": caller, "sub": "s",
            "exp": 4_102_444_800_u64, "roles": ["IndustryData-InboundFlow.ReadWrite.All"]}),
        );
        let bearer = format!("Bearer {token}");
        let headers = [("idempotency-key", "key"), ("authorization", bearer.as_str())];
        let other = app.send(Method::POST, FLOWS, &headers, BODY).await;
        assert_eq!(other.status, StatusCode::CREATED);
        assert_ne!(other.json["id"], first.json["id"]);
    }
}

#[tokio::test]
async fn a_key_is_one_header_of_1_to_255_visible_characters() {
    let app = App::start().await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    assert_eq!(post(&app, FLOWS, &longest, BODY).await.status, StatusCode::CREATED);
    for key in ["", " ", "a key", "\u{fc}", "a\tkey", too_long.as_str()] {
        let response = post(&app, FLOWS, key, BODY).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, "invalidIdempotencyKey"),
            "{key}"
        );
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    let response = app.send(Method::POST, FLOWS, &twice, BODY).await;
    assert_eq!(response.code(), "invalidIdempotencyKey");
    assert_eq!(rows(&app, FLOWS).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_concurrent_requests_on_two_servers_creates() {
    let app = Arc::new(App::start().await);
    let now = flowruns_domain::clock::Clock::now(&*app.clock);
    let servers = [Arc::clone(&app), Arc::new(app.beside(now).await)];
    for url in [runs_url(&app).await, FLOWS.to_owned()] {
        let before = rows(&app, &url).await;
        let posts = (0..16).map(|index| {
            let (app, url) = (Arc::clone(&servers[index % 2]), url.clone());
            tokio::spawn(async move { post(&app, &url, &url, BODY).await })
        });
        let responses = join_all(posts).await.into_iter().map(Result::unwrap);
        let (waiting, created): (Vec<_>, Vec<_>) =
            responses.partition(|response| response.status == StatusCode::CONFLICT);
        for response in waiting {
            assert_eq!(response.code(), "idempotencyKeyUnderWay");
            assert_eq!(response.header("retry-after"), "1");
        }
        let last = post(&app, &url, &url, BODY).await;
        assert_eq!(last.status, StatusCode::CREATED);
        assert!(!created.is_empty());
        for response in created {
            assert_eq!(shown(&response), shown(&last));
        }
        assert_eq!(rows(&app, &url).await, before + 1);
    }
}

#[tokio::test]
async fn after_a_crash_the_next_attempt_finds_what_was_created() {
    let app = App::start().await;
    for url in [runs_url(&app).await, FLOWS.to_owned()] {
        let first = post(&app, &url, &url, BODY).await;
        let before = rows(&app, &url).await;
        lose_the_response(&app).await;
        let early = post(&app, &url, &url, BODY).await;
        assert_eq!(
            (early.status, early.code(), early.header("retry-after")),
            (StatusCode::CONFLICT, "idempotencyKeyUnderWay", "1")
        );
        app.clock.advance(LEASE);
        let again = post(&app, &url, &url, BODY).await;
        assert_eq!(shown(&again), shown(&first));
        assert_eq!(rows(&app, &url).await, before);
    }
}

#[tokio::test]
async fn after_a_crash_before_the_creation_the_next_attempt_creates() {
    let app = App::start().await;
    let url = runs_url(&app).await;
    let first = post(&app, &url, "key", BODY).await;
    lose_the_response(&app).await;
    as_owner(&app, "DELETE FROM runs; DELETE FROM run_events").await;
    app.clock.advance(LEASE);
    let again = post(&app, &url, "key", BODY).await;
    assert_eq!(shown(&again), shown(&first));
    assert_eq!(rows(&app, &url).await, 1);
}

#[tokio::test]
async fn a_server_error_is_not_stored_for_its_key() {
    let app = App::start().await;
    let url = runs_url(&app).await;
    as_owner(&app, "REVOKE INSERT ON runs FROM flowruns_service").await;
    let failed = post(&app, &url, "key", BODY).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    as_owner(&app, "GRANT INSERT ON runs TO flowruns_service").await;
    let again = post(&app, &url, "key", BODY).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.body);
}

#[tokio::test]
async fn a_client_that_disconnects_gets_its_response_on_a_retry() {
    let app = App::start().await;
    let url = runs_url(&app).await;
    // The server has begun the creation when the client disconnects: the request is polled once.
    {
        let mut cut_off = pin!(post(&app, &url, "key", BODY));
        poll_fn(|context| {
            assert!(cut_off.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    let mut response = post(&app, &url, "key", BODY).await;
    while response.status == StatusCode::CONFLICT {
        response = post(&app, &url, "key", BODY).await;
    }
    assert_eq!(response.status, StatusCode::CREATED, "{}", response.body);
    assert_eq!(rows(&app, &url).await, 1);
}

#[tokio::test]
async fn after_a_day_a_key_is_new_and_other_old_keys_can_be_deleted() {
    let app = App::start().await;
    let first = post(&app, FLOWS, "key", BODY).await;
    post(&app, FLOWS, "another", BODY).await;
    app.clock.advance(DAY + Duration::from_secs(1));
    let later = app.beside(app.clock.now()).await;
    let second = post(&later, FLOWS, "key", BODY).await;
    assert_eq!(second.status, StatusCode::CREATED);
    assert_ne!(second.json["id"], first.json["id"]);
    let day_before = later.clock.now().date_time() - KeyClaim::RETENTION;
    let day_before = Timestamp::new(day_before).unwrap();
    let deleted = app.store.delete_keys(day_before, 1000).await.unwrap();
    assert_eq!(deleted, 1);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM idempotency_keys")
        .fetch_one(app.store.pool())
        .await
        .unwrap();
    assert_eq!(kept, 1);
}
