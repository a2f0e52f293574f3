//! Documents that were stored as jsonb: the migration keeps them, and they are read and merged as before.

use flowruns_domain::{
    dashboard::{DashboardStore as _, RunKeys},
    id::RunKey,
    json::{JsonObject, parse_object},
    patch::{Field, Nullable},
    query::{EventPageRequest, PageSize},
    run::{NewRun, PublicErrorPatch, RunEvent, RunPatch},
    store::{RunStore as _, Updated},
    version::IfMatch,
};
use flowruns_persistence::{PostgresStore, migrate};
use flowruns_testing::{
    fixtures::{self, new_run, origin, report},
    scratch::ScratchDatabase,
};
use sqlx::{Connection as _, PgConnection};

/// The last migration with jsonb columns.
const BEFORE_JSON: i64 = 12;

const STATISTICS: &str =
    r#"{"zeta":1,"alpha":{"y":1.5,"x":[],"z":"é\""},"b":1e300,"rows":18446744073709551615}"#;

fn object(text: &str) -> JsonObject {
    parse_object(text.as_bytes()).unwrap()
}

fn counting(statistics: &str) -> RunPatch {
    RunPatch { statistics: Field::Value(object(statistics)), ..RunPatch::default() }
}

async fn send(
    store: &PostgresStore,
    key: RunKey,
    patch: RunPatch,
) -> Updated<flowruns_domain::run::Run> {
    let origin = origin();
    let report = report(move |run| run.decide(&patch, &IfMatch::Absent, &origin));
    store.update_run(key, report).await.unwrap().unwrap()
}

async fn history(store: &PostgresStore, key: RunKey) -> Vec<RunEvent> {
    let page = EventPageRequest { after: None, size: PageSize::default() };
    store.list_run_events(key, page).await.unwrap().unwrap().items
}

/// The columns as text.
async fn stored(database: &ScratchDatabase) -> (String, String) {
    let mut owner = PgConnection::connect_with(&database.owner()).await.unwrap();
    let columns = sqlx::query_as(
        "SELECT pg_typeof(statistics)::text, statistics::text FROM runs WHERE blocking_error IS NOT NULL",
    );
    columns.fetch_one(&mut owner).await.unwrap()
}

#[tokio::test]
async fn documents_of_jsonb_are_read_and_merged_after_the_migration_as_before() {
    let database = ScratchDatabase::create().await;
    let store = database.store().await;
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
    let key = flow.key.run(fixtures::fresh_uuid().to_string().parse().unwrap());
    flowruns_domain::store::FlowStore::create_flow(&store, flow).await.unwrap();
    let new = NewRun { statistics: object(STATISTICS), ..new_run() };
    store.create_run(new.create(key, &origin()).unwrap()).await.unwrap();
    let error = PublicErrorPatch::new(object(r#"{"message":"m","code":"c","b":{"d":1,"c":2}}"#));
    let failing =
        RunPatch { blocking_error: Nullable::Value(error.unwrap()), ..RunPatch::default() };
    send(&store, key, failing).await;
    let (run, events) = (store.find_run(key).await.unwrap(), history(&store, key).await);
    store.close().await;
    migrate::down_to(&database.owner(), BEFORE_JSON).await.unwrap();
    assert_eq!(stored(&database).await.0, "jsonb");

    migrate::up(&database.owner(), fixtures::moment()).await.unwrap();
    let (kind, text) = stored(&database).await;
    assert_eq!(kind, "json");
    assert!(text.contains("\": "), "the text of jsonb has spaces: {text}");
    let store = database.store().await;
    assert_eq!(store.find_run(key).await.unwrap(), run);
    assert_eq!(history(&store, key).await, events);
    let lines = store.error_lines(&RunKeys::new([key]).unwrap()).await.unwrap();
    assert_eq!((lines[0].code.as_deref(), lines[0].message.as_deref()), (Some("c"), Some("m")));
    let repeated = send(&store, key, counting(STATISTICS)).await;
    assert!(matches!(repeated, Updated::Unchanged(_)), "{repeated:?}");
    let changed = send(&store, key, counting(r#"{"alpha":{"y":2},"zeta":null}"#)).await;
    assert!(matches!(changed, Updated::Changed(_)), "{changed:?}");
    let (_, text) = stored(&database).await;
    let expected = r#"{"alpha":{"x":[],"y":2,"z":"é\""},"b":1e+300,"rows":18446744073709551615}"#;
    assert_eq!(text, expected);
    let last = history(&store, key).await.pop().unwrap();
    let changes = last.changes.iter().map(|change| {
        let value = |value| serde_json::to_string(value).unwrap();
        (change.property.as_str(), value(&change.before), value(&change.after))
    });
    let expected = [
        (
            "statistics/alpha",
            r#"{"x":[],"y":1.5,"z":"é\""}"#.to_owned(),
            r#"{"x":[],"y":2,"z":"é\""}"#.to_owned(),
        ),
        ("statistics/zeta", "1".to_owned(), "null".to_owned()),
    ];
    assert!(changes.eq(expected), "{last:?}");
}
