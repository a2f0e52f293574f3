//! What a request may say of its caller.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{AUDIENCE, App, ISSUER};

const ALL: &str = "IndustryData-InboundFlow.ReadWrite.All";
const LIST: &str = "/industryData/incomingFlows";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A good token of the tenant with some claims more.
fn bearer(app: &App, others: &Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "tid": app.tenant, "exp": 4_102_444_800_u64,
        "roles": [ALL]});
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    format!("Bearer {}", app.token(&claims))
}

#[tokio::test]
async fn a_name_of_a_caller_that_cannot_be_stored_is_401_and_no_failure() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let longest = "\u{e9}".repeat(256);
    let names = [
        json!({"azp": "a\u{0}b"}),
        json!({"appid": "\u{0}"}),
        json!({"oid": "line\nbreak"}),
        json!({"sub": "\u{7f}"}),
        json!({"sub": "\u{85}"}),
        json!({"azp": format!("{longest}x")}),
        json!({"scp": ALL, "oid": "a\u{0}b"}),
    ];
    for name in names {
        let bearer = bearer(&app, &name);
        let headers = [("authorization", bearer.as_str()), JSON];
        let calls = [
            (Method::POST, LIST.to_owned()),
            (Method::POST, run.list_url()),
            (Method::PATCH, run.url.clone()),
            (Method::DELETE, run.url.clone()),
            (Method::GET, run.url.clone()),
        ];
        for (method, url) in calls {
            let body = r#"{"displayName":"N"}"#;
            let answer = app.send_bare(method.clone(), &url, &headers, body).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {method}");
            assert_eq!(answer.code(), "invalidAuthenticationToken");
            let message = answer.json["error"]["message"].as_str().unwrap();
            assert!(message.contains("azp, appid, oid or sub"), "{message}");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains("invalid_token"), "{challenge}");
        }
    }
    // What is not the name of the caller is not stored, and an empty name is none.
    let usable = [
        (json!({"azp": longest}), longest.as_str()),
        (json!({"azp": "app", "sub": "a\u{0}b"}), "app"),
        (json!({"azp": "", "sub": "subject"}), "subject"),
    ];
    for (number, (name, actor)) in usable.into_iter().enumerate() {
        let bearer = bearer(&app, &name);
        let headers = [("authorization", bearer.as_str()), JSON];
        let body = json!({"statistics": {"rows": number}}).to_string();
        let answer = app.send_bare(Method::PATCH, &run.url, &headers, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
        let history = app.history(&run.url).await;
        assert_eq!(history.last().unwrap()["actor"], json!(actor));
    }
}

#[tokio::test]
async fn several_authorizations_are_400_whichever_of_them_is_good() {
    let app = App::start().await;
    let good = format!("Bearer {}", app.bearer_token());
    let list = format!("{good}, {good}");
    for values in [
        &[good.as_str(), good.as_str()][..],
        &[good.as_str(), "Bearer other"],
        &["Basic eA==", good.as_str()],
        &[list.as_str()],
    ] {
        let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let answer = app.send_bare(Method::GET, LIST, &headers, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", values.len());
        assert_eq!(answer.code(), "invalidAuthorization");
        let challenge = r#"Bearer realm="flowruns", error="invalid_request""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let item = json!({"id": "1", "method": "GET", "url": LIST,
        "headers": {"Authorization": good, "authorization": good}});
    let batch = json!({"requests": [item]});
    let answer = app.post("/$batch", batch).await;
    let status = &answer.json["responses"][0]["status"];
    assert_eq!(*status, json!(400), "{}", answer.body);
}

#[tokio::test]
async fn credentials_that_are_no_single_token_are_401() {
    let app = App::start().await;
    let good = app.bearer_token();
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {good} x"),
        format!("Bearer {good},{good}"),
        format!("Bearer Bearer {good}"),
        format!("Bearer\t{good}"),
        format!("Token {good}"),
        good.to_owned(),
        format!("Bearer {}", "a".repeat(60_000)),
    ] {
        let headers = [("authorization", value.as_str())];
        let answer = app.send_bare(Method::GET, LIST, &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{value:.40}");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with(r#"Bearer realm="flowruns""#));
    }
}

#[tokio::test]
async fn a_refusal_names_the_permission_that_is_missing() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let none = bearer(&app, &json!({"roles": ["Other"]}));
    let headers = [("authorization", none.as_str()), JSON];
    for (method, permission) in [
        (Method::GET, "IndustryData-Run.Read.All"),
        (Method::PATCH, "IndustryData-Run.ReadWrite.All"),
    ] {
        let answer = app.send_bare(method, &run.url, &headers, "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let challenge =
            format!(r#"Bearer realm="flowruns", error="insufficient_scope", scope="{permission}""#);
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert!(answer.body.contains(permission));
    }
}

/// What is written into the log, a header or an error body comes back as it was sent, or not at all.
#[tokio::test]
async fn a_request_id_of_the_client_is_bounded_and_changes_nothing_else() {
    let app = App::start().await;
    let longest = "x".repeat(256);
    let too_long = "x".repeat(257);
    for (sent, is_kept) in [
        ("a \"quoted\" <id>", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("\u{e9}", false),
        ("", false),
    ] {
        let headers = [("client-request-id", sent)];
        let answer = app.send_bare(Method::GET, "/nothing", &headers, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let shown = answer.header("client-request-id");
        let expected = if is_kept { sent } else { answer.header("request-id") };
        assert_eq!(shown, expected);
        let inner = &answer.json["error"]["innerError"];
        assert_eq!(inner["client-request-id"], json!(expected));
    }
}
