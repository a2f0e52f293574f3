//! A database that stands still: what is refused, in which order, and that nothing of what was taken is lost.

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
    app::{Answer, App, TestRun},
    batch::{BATCH, responses_of, statuses},
};

const MIB: usize = 1024 * 1024;

/// For one caller that may use all of it.
const fn limits(requests: usize, bytes: usize) -> AdmissionLimits {
    AdmissionLimits { requests, bytes, caller_percent: 100 }
}

/// An application whose database is held up until the lock is released.
struct Fixture {
    app: Arc<App>,
    runs: Vec<TestRun>,
    holder: PgConnection,
}

/// A request that was taken, and whose answer is yet to come; or the answer that came at once.
enum Begun {
    Taken(JoinHandle<Answer>),
    Answered(Answer),
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
            // The first poll goes as far as the queue: a request in memory waits for nothing before.
            let first = poll_fn(|context| Poll::Ready(send.as_mut().poll(context))).await;
            begun.send(first.is_ready()).unwrap();
            match first {
                Poll::Ready(answer) => answer,
                Poll::Pending => send.await,
            }
        });
        match is_begun.await.unwrap() {
            true => Begun::Answered(task.await.unwrap()),
            false => Begun::Taken(task),
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
    fn taken(self) -> JoinHandle<Answer> {
        match self {
            Self::Taken(task) => task,
            Self::Answered(answer) => panic!("{} {}", answer.status, answer.body),
        }
    }

    fn assert_refused(self) {
        let Self::Answered(answer) = self else {
            panic!("it was taken");
        };
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.code(), "overloaded");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

/// With a queue of so many places.
async fn with_queue(writer_queue: usize) -> App {
    let app = App::start().await;
    let options = ConnectOptions { writer_queue, ..ConnectOptions::new(app.database.service()) };
    let store = Arc::new(PostgresStore::connect(&options).await.unwrap());
    app.with_environment(|environment| Environment { store, ..environment })
}

#[tokio::test]
async fn when_the_queue_is_nearly_full_ends_are_taken_and_progress_is_not_and_all_that_was_taken_is_written()
 {
    const PROGRESS: usize = 6;
    const PLACES: usize = 8;
    let mut fixture = Fixture::of(with_queue(PLACES).await, PLACES + 1).await;
    let mut taken = Vec::new();
    for run in 0..PROGRESS {
        taken.push(fixture.progress(run).await.taken());
    }
    fixture.progress(PROGRESS).await.assert_refused();
    fixture.report(PROGRESS, json!({"status": "running"})).await.assert_refused();
    for run in PROGRESS..PLACES {
        taken.push(fixture.end(run).await.taken());
    }
    fixture.end(PLACES).await.assert_refused();

    fixture.release().await;
    for (run, answer) in join_all(taken).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let stored = fixture.app.get(&fixture.runs[run].url).await;
        assert_eq!(stored.body, answer.body);
        assert_eq!(fixture.app.history(&fixture.runs[run].url).await.len(), 2);
    }
    // Nothing of what was refused was begun.
    let refused = &fixture.runs[PLACES].url;
    assert_eq!(fixture.app.history(refused).await.len(), 1);
}

#[tokio::test]
async fn lists_are_refused_first_then_reads_then_progress_and_ends_last() {
    let app = App::start_with(|options| options.limits.admission = limits(8, MIB)).await;
    let mut fixture = Fixture::of(app, 9).await;
    let (run, list) = (fixture.runs[8].url.clone(), fixture.runs[8].list_url());
    let get = |url: &str| {
        let url = url.to_owned();
        let fixture = &fixture;
        async move { fixture.begin(Method::GET, &url, Value::Null).await }
    };
    let mut taken = vec![fixture.progress(0).await.taken()];
    let mut read = vec![get(&list).await.taken(), get(&list).await.taken()];
    for url in [&list, &format!("{list}/$count"), &format!("{run}/history")] {
        get(url).await.assert_refused();
    }
    for _ in 2..4 {
        read.push(get(&run).await.taken());
    }
    get(&run).await.assert_refused();
    for number in 5..6 {
        taken.push(fixture.progress(number).await.taken());
    }
    fixture.progress(6).await.assert_refused();
    let creation = json!({"displayName": "R"});
    let created = fixture.begin(Method::POST, &list, creation).await;
    created.assert_refused();
    fixture.begin(Method::DELETE, &run, Value::Null).await.assert_refused();
    for number in 6..8 {
        taken.push(fixture.end(number).await.taken());
    }
    fixture.end(8).await.assert_refused();

    fixture.release().await;
    for answer in join_all(taken.into_iter().chain(read)).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    // The places are free again.
    assert_eq!(fixture.app.get(&list).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_bodies_hold_is_bounded_by_what_they_take_once_parsed() {
    const TEXT: usize = 150 * 1024;
    let app = App::start_with(|options| {
        options.limits.admission = limits(4096, 2 * MIB);
        options.limits.max_wait = Duration::from_millis(10);
    })
    .await;
    let mut fixture = Fixture::of(app, 4).await;
    // Of the same length, but one is a single text and the other thousands of objects.
    let text = json!({"@note": "x".repeat(TEXT), "displayName": "Text"});
    let objects = json!({"@note": vec![json!({"a": 0}); TEXT / 8], "displayName": "Objects"});
    let first = fixture.report(0, text.clone()).await.taken();
    // One request at a time goes beyond the limit.
    let beyond = fixture.report(1, objects.clone()).await.taken();
    let refused = fixture.report(2, objects.clone()).await.taken();
    Begun::Answered(refused.await.unwrap()).assert_refused();
    fixture.release().await;
    for answer in join_all([first, beyond]).await {
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
    // Alone it is taken.
    let alone = fixture.app.patch(&fixture.runs[2].url, objects).await;
    assert_eq!(alone.status, StatusCode::OK, "{}", alone.body);
}

#[tokio::test]
async fn a_large_request_waits_until_there_is_memory_for_it() {
    let app = App::start_with(|options| options.limits.admission = limits(4096, MIB)).await;
    let mut fixture = Fixture::of(app, 3).await;
    let large = json!({"@note": "x".repeat(200 * 1024), "displayName": "Large"});
    let mut begun = Vec::new();
    for run in 0..3 {
        begun.push(fixture.report(run, large.clone()).await.taken());
    }
    fixture.release().await;
    for answer in join_all(begun).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_request_of_a_batch_that_finds_no_room_is_503_and_the_others_are_answered() {
    let app = App::start_with(|options| options.limits.admission = limits(16, MIB)).await;
    let mut fixture = Fixture::of(app, 1).await;
    // Lists may be a quarter of the requests.
    let list = fixture.runs[0].list_url();
    let item = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": list});
    let items: Vec<Value> = (0..6).map(item).collect();
    let batch = fixture.begin(Method::POST, BATCH, json!({"requests": items}));
    let batch = batch.await.taken();
    fixture.release().await;
    let answers = responses_of(&batch.await.unwrap());
    let (answered, refused): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| answer["status"] == 200);
    assert_eq!((answered.len(), refused.len()), (4, 2), "{:?}", statuses(&answers));
    for answer in refused {
        assert_eq!(answer["status"], 503);
        assert_eq!(answer["headers"]["Retry-After"], "1");
        assert_eq!(answer["body"]["error"]["innerError"]["code"], "overloaded");
    }
}
