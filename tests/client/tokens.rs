//! Tokens of an OpenID issuer for an application.

use std::{fs, sync::Arc, time::Duration};

use flowruns_client::{Client, ClientCredentials, Error};
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_testing::{
    FixedClock,
    harness::DEADLINE,
    issuer::{LocalIssuer, People, TOKEN_PATH},
    tokens::SigningKey,
};
use serde_json::json;
use tokio::time::timeout;

use crate::FLOWRUNS;

const AUDIENCE: &str = "api://flowruns";
const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
const ROLE: &str = "IndustryData-InboundFlow.ReadWrite.All";

/// Issues tokens to the application `nightly`.
fn application(key: SigningKey) -> People {
    let mut people = People::new(key, "nightly", AUDIENCE, TENANT, "");
    people.client_secret = Some("a-secret".to_owned());
    people.access = json!({"aud": AUDIENCE, "tid": TENANT, "sub": "nightly", "roles": [ROLE]});
    people
}

fn token_requests(issuer: &LocalIssuer) -> usize {
    issuer.requests().iter().filter(|path| *path == TOKEN_PATH).count()
}

#[tokio::test]
async fn an_application_gets_its_tokens_renews_them_and_asks_once_more_after_401() {
    let issuer = LocalIssuer::start().await;
    issuer.sign_in(application(SigningKey::es256("first")));
    let server = FLOWRUNS.server().envs([
        ("FLOWRUNS_AUTH__ISSUER", issuer.name()),
        ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE),
        ("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "100"),
    ]);
    let server = server.start();
    let secret = server.folder().join("secret");
    fs::write(&secret, "a-secret\n").unwrap();
    let credentials = ClientCredentials::new(issuer.name().parse().unwrap(), "nightly", &secret);
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let builder = Client::builder(server.url("/").parse().unwrap());
    let builder = builder.tokens(credentials.unwrap()).clock(Arc::clone(&clock) as _);
    let client = builder.build().unwrap();

    let flow = client.create_flow("Nightly rosters").await.unwrap();
    flow.start("Rosters of 1 March").await.unwrap().complete(()).await.unwrap();
    assert_eq!(token_requests(&issuer), 1);
    // An hour less a minute later.
    clock.advance(Duration::from_secs(3541));
    client.flow("Nightly rosters").await.unwrap();
    client.flow("Nightly rosters").await.unwrap();
    assert_eq!(token_requests(&issuer), 2);

    // The issuer has another key, and the server knows it: the token in use is not accepted any more.
    let second = SigningKey::es256("second");
    issuer.publish(&[&second]);
    issuer.change_people(|people| people.key = second);
    let other = ClientCredentials::new(issuer.name().parse().unwrap(), "nightly", &secret).unwrap();
    let other = Client::builder(server.url("/").parse().unwrap()).tokens(other).build().unwrap();
    let accepted = async { while other.flow("Nightly rosters").await.is_err() {} };
    timeout(DEADLINE, accepted).await.unwrap();
    let before = token_requests(&issuer);
    flow.start("Rosters of 2 March").await.unwrap().complete(()).await.unwrap();
    assert_eq!(token_requests(&issuer), before + 1);

    // A token that is never accepted is asked for once more, and then told.
    issuer.change_people(|people| people.access["aud"] = json!("api://other"));
    clock.advance(Duration::from_secs(3541));
    let before = token_requests(&issuer);
    let error = client.flow("Nightly rosters").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    assert_eq!(token_requests(&issuer), before + 2);

    // A wrong secret is told at once.
    fs::write(&secret, "wrong").unwrap();
    clock.advance(Duration::from_secs(3601));
    let error = client.flow("Nightly rosters").await.unwrap_err();
    assert!(matches!(error, Error::Token(_)), "{error:?}");
}
