//! Overload while the database is blocked: which requests are rejected, in which order, and that no accepted report is lost.

use std::{
    future::{Future as _, poll_fn},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::http::{Method, StatusCode};
use flowruns_api::AdmissionLimits;
use flowruns_domain::service::Environment;
use flowruns_persistence::{ConnectOptions, PostgresStore};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;

use crate::{
    app::{App, TestResponse, TestRun},
    batch::{BATCH, responses_of, statuses},
};

const MIB: usize = 1024 * 1024;

/// Limits that one caller may use in full.
const fn limits(requests: usize, bytes: usize) -> AdmissionLimits {
    AdmissionLimits { requests, bytes, caller_percent: 100 }
}

/// An application whose database is blocked until the lock is released.
struct Fixture {
    app: Arc<App>,
    runs: Vec<TestRun>,
    holder: PgConnection,
}

/// A request that is in flight, or its immediate response.
enum Begun {
    InFlight(JoinHandle<TestResponse>),
    Finished(TestResponse),
}

impl Fixture {
    async fn of(app: App, runs: usize) -> Self {
        let flow = app.flow().await;
        let mut created = Vec::new();
        for number in 0..runs {
            let name = json!({"displayName": format!("R{number}")});
            created.push(app.run_of(&flow, name).await);
        }
        let mut holder = PgConnection::connect_with(&app.database.owner()).await.unwrap();
        let lock = "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
        Self { app: Arc::new(app), runs: created, holder }
    }

    async fn begin(&self, method: Method, url: &str, body: Value) -> Begun {
        let (app, url) = (Arc::clone(&self.app), url.to_owned());
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let body = body.to_string();
            let send = app.send(method, &url, &[], &body);
            tokio::pin!(send);
            // The first poll reaches the queue: a request in memory waits for nothing before it.
            let first = poll_fn(|context| Poll::Ready(send.as_mut().poll(context))).await;
            begun.send(first.is_ready()).unwrap();
            match first {
                Poll::Ready(response) => response,
                Poll::Pending => send.await,
            }
        });
        match is_begun.await.unwrap() {
            true => Begun::Finished(task.await.unwrap()),
            false => Begun::InFlight(task),
        }
    }

    async fn report(&self, run: usize, body: Value) -> Begun {
        self.begin(Method::PATCH, &self.runs[run].url, body).await
    }

    /// The progress of a run.
    async fn progress(&self, run: usize) -> Begun {
        self.report(run, json!({"statistics": {"rows": 1}})).await
    }

    /// The end of a run.
    async fn end(&self, run: usize) -> Begun {
        self.report(run, json!({"status": "completed"})).await
    }

    async fn release(&mut self) {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.holder).await.unwrap();
    }
}

impl Begun {
    fn in_flight(self) -> JoinHandle<TestResponse> {
        match self {
            Self::InFlight(task) => task,
            Self::Finished(response) => panic!("{} {}", response.status, response.body),
        }
    }

    fn assert_rejected(self) {
        let Self::Finished(response) = self else {
            panic!("the request was accepted");
        };
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.code(), "overloaded");
        assert_eq!(response.header("retry-after"), "1");
    }
}

/// An application with a queue of this length.
async fn with_queue(writer_queue: usize) -> App {
    let app = App::start().await;
    let options = ConnectOptions { writer_queue, ..ConnectOptions::new(app.database.service()) };
    let store = Arc::new(PostgresStore::connect(&options).await.unwrap());
    app.with_environment(|environment| Environment { store, ..environment })
}

#[tokio::test]
async fn a_nearly_full_queue_accepts_only_ends_and_all_accepted_reports_are_written() {
    const PROGRESS: usize = 6;
    const QUEUE_LENGTH: usize = 8;
    let mut fixture = Fixture::of(with_queue(QUEUE_LENGTH).await, QUEUE_LENGTH + 1).await;
    let mut accepted = Vec::new();
    for run in 0..PROGRESS {
        accepted.push(fixture.progress(run).await.in_flight());
    }
    fixture.progress(PROGRESS).await.assert_rejected();
    fixture.report(PROGRESS, json!({"status": "running"})).await.assert_rejected();
    for run in PROGRESS..QUEUE_LENGTH {
        accepted.push(fixture.end(run).await.in_flight());
    }
    fixture.end(QUEUE_LENGTH).await.assert_rejected();

    fixture.release().await;
    for (run, response) in join_all(accepted).await.into_iter().enumerate() {
        let response = response.unwrap();
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        let stored = fixture.app.get(&fixture.runs[run].url).await;
        assert_eq!(stored.body, response.body);
        assert_eq!(fixture.app.history(&fixture.runs[run].url).await.len(), 2);
    }
    // No rejected request was executed.
    let rejected = &fixture.runs[QUEUE_LENGTH].url;
    assert_eq!(fixture.app.history(rejected).await.len(), 1);
}

#[tokio::test]
async fn lists_are_rejected_first_then_reads_then_progress_and_ends_last() {
    let app = App::start_with(|options| options.limits.admission = limits(8, MIB)).await;
    let mut fixture = Fixture::of(app, 9).await;
    let (run, list) = (fixture.runs[8].url.clone(), fixture.runs[8].list_url());
    let get = |url: &str| {
        let url = url.to_owned();
        let fixture = &fixture;
        async move { fixture.begin(Method::GET, &url, Value::Null).await }
    };
    let mut accepted = vec![fixture.progress(0).await.in_flight()];
    let mut read = vec![get(&list).await.in_flight(), get(&list).await.in_flight()];
    for url in [&list, &format!("{list}/$count"), &format!("{run}/history")] {
        get(url).await.assert_rejected();
    }
    for _ in 2..4 {
        read.push(get(&run).await.in_flight());
    }
    get(&run).await.assert_rejected();
    for number in 5..6 {
        accepted.push(fixture.progress(number).await.in_flight());
    }
    fixture.progress(6).await.assert_rejected();
    let creation = json!({"displayName": "R"});
    let created = fixture.begin(Method::POST, &list, creation).await;
    created.assert_rejected();
    fixture.begin(Method::DELETE, &run, Value::Null).await.assert_rejected();
    for number in 6..8 {
        accepted.push(fixture.end(number).await.in_flight());
    }
    fixture.end(8).await.assert_rejected();

    fixture.release().await;
    for response in join_all(accepted.into_iter().chain(read)).await {
        let response = response.unwrap();
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    // The permits are free again.
    assert_eq!(fixture.app.get(&list).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bodies_are_bounded_by_their_parsed_size() {
    const TEXT: usize = 150 * 1024;
    let app = App::start_with(|options| {
        options.limits.admission = limits(4096, 2 * MIB);
        options.limits.max_wait = Duration::from_millis(10);
    })
    .await;
    let mut fixture = Fixture::of(app, 4).await;
    // Both have the same length, but one is a single string and the other thousands of objects.
    let text = json!({"@note": "x".repeat(TEXT), "displayName": "Text"});
    let objects = json!({"@note": vec![json!({"a": 0}); TEXT / 8], "displayName": "Objects"});
    let first = fixture.report(0, text.clone()).await.in_flight();
    // One request at a time may exceed the limit.
    let beyond = fixture.report(1, objects.clone()).await.in_flight();
    let rejected = fixture.report(2, objects.clone()).await.in_flight();
    Begun::Finished(rejected.await.unwrap()).assert_rejected();
    fixture.release().await;
    for response in join_all([first, beyond]).await {
        assert_eq!(response.unwrap().status, StatusCode::OK);
    }
    // It is accepted when no other request is in flight.
    let accepted = fixture.app.patch(&fixture.runs[2].url, objects).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.body);
}

#[tokio::test]
async fn a_large_request_waits_until_there_is_memory_for_it() {
    let app = App::start_with(|options| options.limits.admission = limits(4096, MIB)).await;
    let mut fixture = Fixture::of(app, 3).await;
    let large = json!({"@note": "x".repeat(200 * 1024), "displayName": "Large"});
    let mut begun = Vec::new();
    for run in 0..3 {
        begun.push(fixture.report(run, large.clone()).await.in_flight());
    }
    fixture.release().await;
    for response in join_all(begun).await {
        let response = response.unwrap();
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
}

#[tokio::test]
async fn a_request_of_a_batch_without_a_permit_is_503_and_the_others_succeed() {
    let app = App::start_with(|options| options.limits.admission = limits(16, MIB)).await;
    let mut fixture = Fixture::of(app, 1).await;
    // Lists may be a quarter of the requests.
    let list = fixture.runs[0].list_url();
    let item = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": list});
    let items: Vec<Value> = (0..6).map(item).collect();
    let batch = fixture.begin(Method::POST, BATCH, json!({"requests": items}));
    let batch = batch.await.in_flight();
    fixture.release().await;
    let responses = responses_of(&batch.await.unwrap());
    let (answered, rejected): (Vec<&Value>, Vec<&Value>) =
        responses.iter().partition(|response| response["status"] == 200);
    assert_eq!((answered.len(), rejected.len()), (4, 2), "{:?}", statuses(&responses));
    for response in rejected {
        assert_eq!(response["status"], 503);
        assert_eq!(response["headers"]["Retry-After"], "1");
        assert_eq!(response["body"]["error"]["innerError"]["code"], "overloaded");
    }
}
