//! A server whose clock differs from that of `exec`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::TimeDelta;
use flowruns_api::{
    ApiOptions, CursorKey,
    auth::{KeySet, Permission, TokenPolicy, TokenVerifier},
    router,
};
use flowruns_domain::{
    clock::{Clock, SystemClock, TimeOrderedIds},
    service::Environment,
    timestamp::Timestamp,
};
use flowruns_testing::{
    MemoryStore, fixtures,
    harness::ApiClient,
    tokens::{SigningKey, claims, key_set},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    place::{Place, run},
    proxy::State,
};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "flowruns";
const FLOWS: &str = "/industryData/incomingFlows";

/// The clock of the machine, set forward or back.
struct OtherClock(TimeDelta);

impl Clock for OtherClock {
    fn now(&self) -> Timestamp {
        Timestamp::new(SystemClock.now().date_time() + self.0).unwrap()
    }
}

/// The API with another clock, in this process. Its address, and a token.
async fn server(difference: TimeDelta) -> (SocketAddr, String) {
    let key = SigningKey::es256("test");
    let keys = KeySet::from_jwks(key_set(&[&key]).to_string().as_bytes()).unwrap();
    let policy = TokenPolicy {
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        // The token is one of this machine's time.
        leeway_seconds: 1_000_000,
    };
    let environment = Environment {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(OtherClock(difference)),
        ids: Arc::new(TimeOrderedIds),
    };
    let verifier = Arc::new(TokenVerifier::new(keys, policy));
    let options = ApiOptions::new(environment, verifier, CursorKey::new(b"a secret"));
    let routes = router(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let tenant = fixtures::fresh_tenant().to_string();
    (address, key.token(&claims(ISSUER, AUDIENCE, &tenant, &[Permission::WriteFlows.name()])))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_times_of_a_run_are_those_of_the_machine_that_ran_it() {
    let place = Place::new(State::Well).await;
    for hours in [-2, 2] {
        let (address, token) = server(TimeDelta::hours(hours)).await;
        let origin = format!("http://{address}");
        let api = ApiClient::new(&origin, &token);
        let flow = api.create(FLOWS, &json!({"displayName": "Flow"}).to_string()).await;
        let (_, id) = flow.rsplit_once('/').unwrap();

        let before = SystemClock.now();
        let mut exec = place.flowruns(&["exec", "--flow", id, "--", "sleep", "0.1"]);
        exec.env("FLOWRUNS_URL", &origin).env("FLOWRUNS_TOKEN", &token);
        let ended = run(exec, b"").await;
        let after = SystemClock.now();
        assert_eq!((ended.code, ended.said().as_str()), (Some(0), ""), "{hours}");

        let page = api.get(&format!("{flow}/runs")).await.json;
        let stored = &page["value"][0];
        assert_eq!(stored["status"], "completed", "{page:#}");
        let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
        let (start, end) = (time(&stored["startDateTime"]), time(&stored["endDateTime"]));
        assert!(before <= start && start < end && end <= after, "{hours}: {stored:#}");
        assert!(end.since(start) >= Duration::from_millis(100), "{stored:#}");
    }
}
