//! What `flowruns check` prints about an issuer.

use std::process::Output;

use flowruns_testing::{
    harness::data_folder,
    issuer::{IssuerResponse, LocalIssuer, document},
    tokens::SigningKey,
};
use serde_json::json;

use crate::{FLOWRUNS, server::AUDIENCE};

async fn check(settings: Vec<(&'static str, String)>) -> Output {
    let run = move || {
        let folder = data_folder();
        let mut command = FLOWRUNS.command(folder.path());
        command.env("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE);
        command.arg("check").envs(settings).output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn check_issuer(issuer: &LocalIssuer) -> Output {
    check(vec![
        ("FLOWRUNS_AUTH__ISSUER", issuer.name().to_owned()),
        ("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "8000".to_owned()),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_counts_the_keys_of_an_issuer_or_says_what_is_wrong_with_it() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    let good = String::from_utf8(check_issuer(&issuer).await.stdout).unwrap();
    let expected = format!("the issuer {:?} has 1 keys", issuer.name());
    assert!(good.contains(&expected), "{good}");
    let right = document(issuer.name(), &issuer.keys_url());
    let wrong = [
        (IssuerResponse::Status(404), "instead of 200"),
        (IssuerResponse::Redirect(issuer.keys_url()), "instead of 200"),
        (IssuerResponse::Bytes(b"<html>".to_vec()), "not a discovery document"),
        (document("http://127.0.0.1:1", &issuer.keys_url()), "another issuer"),
        (document(issuer.name(), "http://keys.example/"), "not https"),
        (document(issuer.name(), "/keys"), "not a URL"),
        (IssuerResponse::Bytes(vec![b' '; 300_000]), "more than"),
        (IssuerResponse::Silence, "were not received within"),
    ];
    for (response, message) in wrong {
        let shown = format!("{response:.60?}");
        issuer.set_document(response);
        assert_fails(&check_issuer(&issuer).await, message, &shown);
    }
    issuer.set_document(right);
    let wrong = [
        (IssuerResponse::Json(json!({"keys": []})), "none of the 0 keys"),
        (IssuerResponse::Json(json!({"keys": [{"kty": "oct"}]})), "none of the 1 keys"),
        (IssuerResponse::Json(json!({"value": []})), "not a JSON Web Key Set"),
        (IssuerResponse::Status(500), "instead of 200"),
    ];
    for (response, message) in wrong {
        let shown = format!("{response:.60?}");
        issuer.set_keys(response);
        assert_fails(&check_issuer(&issuer).await, message, &shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_location_that_cannot_be_trusted_or_read_is_rejected() {
    let folder = data_folder();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    for (setting, value, message) in [
        ("JWKS_URL", "http://keys.example/".to_owned(), "not https"),
        ("JWKS_URL", "keys.example".to_owned(), "not a URL"),
        ("DISCOVERY_URL", "http://10.0.0.1/".to_owned(), "not https"),
        ("DISCOVERY_URL", "https://me:pw@a.example/".to_owned(), "user or password"),
        ("JWKS_FILE", path(&pipe), "not a regular file"),
        ("JWKS_FILE", "/dev/zero".to_owned(), "not a regular file"),
        ("JWKS_FILE", path(folder.path()), "not a regular file"),
        ("JWKS_FILE", path(&folder.path().join("none")), "cannot be read"),
    ] {
        let variable = match setting {
            "JWKS_URL" => "FLOWRUNS_AUTH__JWKS_URL",
            "DISCOVERY_URL" => "FLOWRUNS_AUTH__DISCOVERY_URL",
            _ => "FLOWRUNS_AUTH__JWKS_FILE",
        };
        let issuer = "https://issuer.example/".to_owned();
        let settings = vec![("FLOWRUNS_AUTH__ISSUER", issuer), (variable, value.clone())];
        assert_fails(&check(settings).await, message, &value);
    }
}

fn assert_fails(output: &Output, message: &str, context: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{context}");
    assert!(errors.contains(message), "{context}: {errors}");
}
