//! Authentication and permissions.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{AUDIENCE, App, ISSUER};

const READ: &str = "IndustryData-Run.Read.All";
const WRITE: &str = "IndustryData-Run.ReadWrite.All";
const FLOWS: &str = "IndustryData-InboundFlow.ReadWrite.All";
const TENANT: &str = "7d0f0f3e-2f4c-4f0e-8a55-0d9a3f6c1b11";

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "tid": TENANT, "sub": "t", "exp": 4_102_444_800_u64,
        "roles": [READ]});
    change(&mut claims);
    claims
}

#[tokio::test]
async fn a_token_must_be_valid_in_every_part() {
    let app = App::start().await;
    let url = "/industryData/incomingFlows";
    let good = app.token(&claims(|_| ()));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoidGVzdCJ9.{payload}.");
    let forged = format!("{header}.{}.{signature}", payload.replace('A', "B"));
    let rejected = [
        app.token(&claims(|claims| claims["iss"] = json!("other"))),
        app.token(&claims(|claims| claims["aud"] = json!("other"))),
        app.token(&claims(|claims| claims["exp"] = json!(1))),
        app.token(&claims(|claims| claims["nbf"] = json!(4_102_444_000_u64))),
        app.token(&claims(|claims| claims["tid"] = json!("not-a-uuid"))),
        app.token(&claims(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        app.token_with_kid(&claims(|_| ()), None),
        app.token_with_kid(&claims(|_| ()), Some("other")),
        unsigned,
        forged,
        "x".repeat(20_000),
    ];
    for token in rejected {
        let response = app
            .send_bare(Method::GET, url, &[("authorization", &format!("Bearer {token}"))], "")
            .await;
        assert_eq!(
            (response.status, response.json["error"]["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some("unauthorized"))
        );
        assert!(response.header("www-authenticate").starts_with("Bearer"));
    }
    for headers in [&[("authorization", "Basic eA==")][..], &[("authorization", "")]] {
        let response = app.send_bare(Method::GET, url, headers, "").await;
        assert_eq!(
            (response.status, response.header("www-authenticate")),
            (StatusCode::UNAUTHORIZED, r#"Bearer realm="flowruns""#)
        );
    }
    let response =
        app.send_bare(Method::GET, url, &[("authorization", &format!("bearer {good}"))], "").await;
    assert_eq!(response.status, StatusCode::OK);
}

#[tokio::test]
async fn permissions_include_the_lesser_ones() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow_url = format!("/industryData/incomingFlows/{}", run.flow);
    let tenant = app.tenant.clone();
    let with = |change: &dyn Fn(&mut Value)| {
        app.token(&claims(|claims| {
            claims["tid"] = json!(tenant);
            change(claims);
        }))
    };
    let tokens = [
        (with(&|claims| claims["roles"] = json!([])), [403, 403, 403]),
        (with(&|claims| claims["roles"] = json!([READ])), [200, 403, 403]),
        (with(&|claims| claims["roles"] = json!([WRITE, "Other"])), [200, 200, 403]),
        (with(&|claims| claims["roles"] = json!([FLOWS])), [200, 200, 200]),
        (
            with(&|claims| {
                claims["roles"] = json!([]);
                claims["scp"] = json!(format!("openid {WRITE}"));
            }),
            [200, 200, 403],
        ),
    ];
    for (token, expected) in tokens {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let calls =
            [(Method::GET, &run.url), (Method::PATCH, &run.url), (Method::PATCH, &flow_url)];
        for ((method, url), status) in calls.into_iter().zip(expected) {
            let response = app.send_bare(method.clone(), url, &headers, "{}").await;
            assert_eq!(response.status.as_u16(), status, "{method} {url}");
        }
    }
}

#[tokio::test]
async fn rows_of_another_tenant_are_not_found() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let token = app.token(&claims(|claims| claims["roles"] = json!([FLOWS])));
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let flow_url = format!("/industryData/incomingFlows/{}", run.flow);
    let body = r#"{"displayName":"stolen"}"#;
    let urls = [
        (Method::GET, run.url.clone()),
        (Method::PATCH, run.url.clone()),
        (Method::DELETE, run.url.clone()),
        (Method::GET, format!("{}/history", run.url)),
        (Method::GET, format!("{}/process", run.url)),
        (Method::GET, run.list_url()),
        (Method::POST, run.list_url()),
        (Method::GET, flow_url.clone()),
        (Method::PATCH, flow_url.clone()),
        (Method::DELETE, flow_url),
    ];
    for (method, url) in urls {
        let response = app.send_bare(method.clone(), &url, &headers, body).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{method} {url}");
    }
    let flows = app.send_bare(Method::GET, "/industryData/incomingFlows", &headers, "").await;
    assert_eq!(flows.json["value"], json!([]));
    assert_eq!(app.get(&run.url).await.json["displayName"], json!("R"));
}
