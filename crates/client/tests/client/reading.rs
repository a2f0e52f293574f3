//! Finding, listing and watching.

use std::time::Duration;

use flowruns_client::{BlockingError, Error, FlowQuery, Order, RunQuery, Status};
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use serde_json::json;

use crate::{proxy::Fault, service::Fixture};

#[tokio::test(start_paused = true)]
async fn a_flow_is_found_by_its_id_and_by_its_exact_name() {
    let fixture = Fixture::new().await;
    let id = fixture.service.create_flow("It's a 'flow'").await;
    assert_eq!(fixture.client.flow(&id.to_string()).await.unwrap().id(), id);
    assert_eq!(fixture.client.flow("It's a 'flow'").await.unwrap().id(), id);
    let error = fixture.client.flow("it's a 'flow'").await.unwrap_err();
    assert!(matches!(error, Error::NoSuchFlow(_)), "{error:?}");
    let error = fixture.client.flow("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e").await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    let other = fixture.service.create_flow("Flow").await;
    let error = fixture.client.flow("Flow").await.unwrap_err();
    let Error::SeveralFlows { flows, .. } = error else { panic!("{error:?}") };
    assert!(flows.contains(&other) && flows.contains(&fixture.flow.id()), "{flows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flow_is_created_once_though_responses_are_lost_and_processes_race() {
    let fixture = Fixture::new().await;
    // The search, then the creation.
    fixture.proxy.next([Fault::Pass, Fault::LoseResponse]);
    let flow = fixture.client.create_flow("  Nightly ").await.unwrap();
    assert_eq!(fixture.client.create_flow("Nightly").await.unwrap().id(), flow.id());
    let (one, other) =
        tokio::join!(fixture.client.create_flow("Weekly"), fixture.client.create_flow("Weekly"));
    assert_eq!(one.unwrap().id(), other.unwrap().id());
    let flows: Vec<_> =
        fixture.client.flows(&FlowQuery::new().page_size(1)).try_collect().await.unwrap();
    assert_eq!(flows.len(), 3, "{flows:?}");

    // A flow that was deleted is created again.
    let path = format!("/industryData/incomingFlows/{}", flow.id());
    assert_eq!(fixture.service.json("DELETE", &path, json!(null)).await.0, 204);
    let again = fixture.client.create_flow("Nightly").await.unwrap();
    assert_ne!(again.id(), flow.id());
    assert_eq!(fixture.client.flow("Nightly").await.unwrap().id(), again.id());
    assert!(matches!(fixture.client.create_flow("\u{200b}").await, Err(Error::InvalidName(_))));
}

#[tokio::test(start_paused = true)]
async fn a_list_follows_its_pages() {
    let fixture = Fixture::new().await;
    for number in 0..5 {
        let run = fixture.flow.start(&format!("Run {number}")).await.unwrap();
        match number % 2 {
            0 => run.complete(()).await.unwrap(),
            _ => run.fail(BlockingError::new("io", "broken")).await.unwrap(),
        };
    }
    let query = RunQuery::new().order(Order::OldestFirst).page_size(2);
    let names = async |query: &RunQuery| {
        let rows = fixture.flow.runs(query).try_collect::<Vec<_>>().await.unwrap();
        rows.into_iter().map(|row| row.display_name).collect::<Vec<_>>()
    };
    assert_eq!(names(&query).await, ["Run 0", "Run 1", "Run 2", "Run 3", "Run 4"]);
    let failed = query.clone().status([Status::Failed]);
    assert_eq!(names(&failed).await, ["Run 1", "Run 3"]);
    assert_eq!(names(&query.clone().name("Run 4")).await, ["Run 4"]);
    let future = RunQuery::new().since("2999-01-01T00:00:00Z".parse().unwrap());
    assert!(names(&future).await.is_empty());

    let all: Vec<_> = fixture.client.runs(&RunQuery::new()).try_collect().await.unwrap();
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|row| row.address.flow == fixture.flow.id() && row.end.is_some()));

    // Several pages, one of them after a retry.
    fixture.proxy.next([Fault::Pass, Fault::Lose]);
    assert_eq!(names(&query).await.len(), 5);
}

#[derive(Debug, Deserialize, PartialEq)]
struct Counts {
    rows: u64,
}

#[tokio::test(start_paused = true)]
async fn a_run_is_read_with_its_statistics_error_and_history() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    run.progress(&json!({"rows": 7})).unwrap();
    run.fail(BlockingError::new("io", "broken").target("file")).await.unwrap();

    let read = fixture.client.run(address).await.unwrap();
    assert_eq!((read.address, &read.status), (address, &Status::Failed));
    assert_eq!(read.statistics_as::<Counts>().unwrap(), Counts { rows: 7 });
    let error = serde_json::to_value(read.blocking_error.as_ref().unwrap()).unwrap();
    assert_eq!(error, json!({"code": "io", "message": "broken", "target": "file"}));
    assert_eq!(fixture.client.find_run(address.run).await.unwrap(), read);

    let history: Vec<_> = fixture.client.history(address).try_collect().await.unwrap();
    let actions: Vec<_> = history.iter().map(|entry| (entry.version, &*entry.action)).collect();
    assert_eq!(actions, [(1, "created"), (2, "updated")]);
    let changed: Vec<_> = history[1].changes.iter().map(|change| &*change.property).collect();
    assert!(changed.contains(&"status") && changed.contains(&"statistics/rows"), "{changed:?}");
    assert!(history[0].request.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_watch_shows_each_change_until_the_end() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    let read = fixture.client.run(address).await.unwrap();
    assert_eq!(fixture.client.run_if_changed(address, &read.etag).await.unwrap(), None);

    let mut watch = Box::pin(fixture.client.watch(address));
    assert_eq!(watch.try_next().await.unwrap().unwrap().status, Status::Running);
    let change = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        run.progress(&json!({"rows": 7})).unwrap();
    };
    let (changed, ()) = tokio::join!(watch.try_next(), change);
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.statistics_as::<Counts>().unwrap(), Counts { rows: 7 });
    let gets = fixture.proxy.count("GET");
    assert!((6..=14).contains(&gets), "{gets} reads in 30 s");
    assert!(fixture.client.run_if_changed(address, &read.etag).await.unwrap().is_some());

    run.complete(()).await.unwrap();
    assert_eq!(watch.try_next().await.unwrap().unwrap().status, Status::Completed);
    assert_eq!(watch.try_next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_names_of_the_flows_if_it_is_asked_for_them() {
    let fixture = Fixture::new().await;
    fixture.start().await.complete(()).await.unwrap();
    let names = async |query: RunQuery| {
        let of_flow: Vec<_> = fixture.flow.runs(&query).try_collect().await.unwrap();
        let of_all: Vec<_> = fixture.client.runs(&query).try_collect().await.unwrap();
        assert_eq!(of_flow, of_all);
        of_all.into_iter().map(|run| run.flow_name).collect::<Vec<_>>()
    };
    assert_eq!(names(RunQuery::new()).await, [None]);
    assert_eq!(names(RunQuery::new().with_flow_names()).await, [Some("Flow".to_owned())]);
}
