//! The client without async.

use std::time::Duration;

use flowruns_client::{Client, FixedToken, Outcome, RunError, RunQuery, Status, blocking};
use serde_json::json;

use crate::{
    network::{Server, block_on, listen},
    service::Service,
};

#[test]
fn a_program_without_a_runtime_reports_and_reads() {
    let service = Service::start();
    let server = Server::start(listen(), service.router.clone());
    let url = format!("http://{}", server.address).parse().unwrap();
    let token = FixedToken::new(&service.full_token()).unwrap();
    let client = blocking::Client::from(Client::builder(url).tokens(token).build().unwrap());
    let flow = client.create_flow("Flow").unwrap();
    let ended = flow.run("Run", |run| {
        run.progress(&json!({"rows": 7}))?;
        Ok(Outcome::WithWarnings)
    });
    let ended = ended.unwrap();
    let read = client.run(ended.address).unwrap();
    assert_eq!(read.status, Status::CompletedWithWarnings);
    assert_eq!(client.watch(ended.address).count(), 1);
    assert_eq!(client.history(ended.address).count(), 2);

    let failed = flow.run("Run", |_run| Err("no rows".into()));
    let Err(RunError::Job { error, report }) = failed else { panic!() };
    assert_eq!((error.to_string(), report.unwrap().status), ("no rows".to_owned(), Status::Failed));
    drop(flow.start("Run").unwrap());
    assert_eq!(client.flush(Duration::from_secs(60)).acknowledged, 3);
    let query = RunQuery::new().status([Status::Failed]).page_size(1);
    assert_eq!(flow.runs(&query).map(Result::unwrap).count(), 2);

    // In a runtime it blocks the thread, and works.
    block_on(async { flow.start("Run").unwrap().complete(()).unwrap() });
}
