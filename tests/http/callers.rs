//! Caller names, credentials and request ids.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{AUDIENCE, App, ISSUER};

const ALL: &str = "IndustryData-InboundFlow.ReadWrite.All";
const LIST: &str = "/industryData/incomingFlows";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A valid token of the tenant with additional claims.
fn bearer(app: &App, others: &Value) -> String {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "tid": app.tenant, "exp": 4_102_444_800_u64,
        "roles": [ALL]});
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    format!("Bearer {}", app.token(&claims))
}

#[tokio::test]
async fn a_caller_name_that_cannot_be_stored_is_401_and_not_500() {
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
            let response = app.send_bare(method.clone(), &url, &headers, body).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{name} {method}");
            assert_eq!(response.code(), "invalidAuthenticationToken");
            let message = response.json["error"]["message"].as_str().unwrap();
            assert!(message.contains("azp, appid, oid or sub"), "{message}");
            let challenge = response.header("www-authenticate");
            assert!(challenge.contains("invalid_token"), "{challenge}");
        }
    }
    // Other claims are not stored, and an empty name counts as no name.
    let usable = [
        (json!({"azp": longest}), longest.as_str()),
        (json!({"azp": "app", "sub": "a\u{0}b"}), "app"),
        (json!({"azp": "", "sub": "subject"}), "subject"),
    ];
    for (number, (name, actor)) in usable.into_iter().enumerate() {
        let bearer = bearer(&app, &name);
        let headers = [("authorization", bearer.as_str()), JSON];
        let body = json!({"statistics": {"rows": number}}).to_string();
        let response = app.send_bare(Method::PATCH, &run.url, &headers, &body).await;
        assert_eq!(response.status, StatusCode::OK, "{name}: {}", response.body);
        let history = app.history(&run.url).await;
        assert_eq!(history.last().unwrap()["actor"], json!(actor));
    }
}

#[tokio::test]
async fn several_authorization_headers_are_400_even_if_one_is_valid() {
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
        let response = app.send_bare(Method::GET, LIST, &headers, "").await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{}", values.len());
        assert_eq!(response.code(), "invalidAuthorization");
        let challenge = r#"Bearer realm="flowruns", error="invalid_request""#;
        assert_eq!(response.header("www-authenticate"), challenge);
    }
    let item = json!({"id": "1", "method": "GET", "url": LIST,
        "headers": {"Authorization": good, "authorization": good}});
    let batch = json!({"requests": [item]});
    let response = app.post("/$batch", batch).await;
    let status = &response.json["responses"][0]["status"];
    assert_eq!(*status, json!(400), "{}", response.body);
}

#[tokio::test]
async fn credentials_that_are_not_a_single_token_are_401() {
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
        let response = app.send_bare(Method::GET, LIST, &headers, "").await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{value:.40}");
        let challenge = response.header("www-authenticate");
        assert!(challenge.starts_with(r#"Bearer realm="flowruns""#));
    }
}

#[tokio::test]
async fn a_rejection_names_the_permission_that_is_missing() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let none = bearer(&app, &json!({"roles": ["Other"]}));
    let headers = [("authorization", none.as_str()), JSON];
    for (method, permission) in [
        (Method::GET, "IndustryData-Run.Read.All"),
        (Method::PATCH, "IndustryData-Run.ReadWrite.All"),
    ] {
        let response = app.send_bare(method, &run.url, &headers, "{}").await;
        assert_eq!(response.status, StatusCode::FORBIDDEN);
        let challenge =
            format!(r#"Bearer realm="flowruns", error="insufficient_scope", scope="{permission}""#);
        assert_eq!(response.header("www-authenticate"), challenge);
        assert!(response.body.contains(permission));
    }
}

/// A request id is echoed as it was sent, or not at all.
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
        let response = app.send_bare(Method::GET, "/nothing", &headers, "").await;
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        let shown = response.header("client-request-id");
        let expected = if is_kept { sent } else { response.header("request-id") };
        assert_eq!(shown, expected);
        let inner = &response.json["error"]["innerError"];
        assert_eq!(inner["client-request-id"], json!(expected));
    }
}
