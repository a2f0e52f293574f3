//! What `flowruns check` says of an issuer.

use std::process::Output;

use flowruns_testing::issuer::{LocalIssuer, Reply, SigningKey, document};
use serde_json::json;

use crate::{
    program::{data_folder, flowruns},
    site::AUDIENCE,
};

async fn check(settings: Vec<(&'static str, String)>) -> Output {
    let run = move || {
        let folder = data_folder();
        let mut command = flowruns(&folder);
        command.env("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE);
        command.arg("check").envs(settings).output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn of(issuer: &LocalIssuer) -> Output {
    check(vec![
        ("FLOWRUNS_AUTH__ISSUER", issuer.name().to_owned()),
        ("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "3000".to_owned()),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_counts_the_keys_of_an_issuer_or_says_what_is_wrong_with_it() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    let good = String::from_utf8(of(&issuer).await.stdout).unwrap();
    let expected = format!("the issuer {:?} has 1 keys", issuer.name());
    assert!(good.contains(&expected), "{good}");
    let honest = document(issuer.name(), &issuer.keys_url());
    let wrong = [
        (Reply::Status(404), "instead of 200"),
        (Reply::Redirect(issuer.keys_url()), "instead of 200"),
        (Reply::Bytes(b"<html>".to_vec()), "no discovery document"),
        (
            document("http://127.0.0.1:1", &issuer.keys_url()),
            "another issuer",
        ),
        (document(issuer.name(), "http://keys.example/"), "not https"),
        (document(issuer.name(), "/keys"), "not a URL"),
        (Reply::Bytes(vec![b' '; 300_000]), "more than"),
        (Reply::Silence, "were not received within"),
    ];
    for (reply, message) in wrong {
        let said = format!("{reply:.60?}");
        issuer.document_is(reply);
        assert_fails(&of(&issuer).await, message, &said);
    }
    issuer.document_is(honest);
    let wrong = [
        (Reply::Json(json!({"keys": []})), "none of the 0 keys"),
        (
            Reply::Json(json!({"keys": [{"kty": "oct"}]})),
            "none of the 1 keys",
        ),
        (Reply::Json(json!({"value": []})), "no JSON Web Key Set"),
        (Reply::Status(500), "instead of 200"),
    ];
    for (reply, message) in wrong {
        let said = format!("{reply:.60?}");
        issuer.keys_are(reply);
        assert_fails(&of(&issuer).await, message, &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_keys_that_cannot_be_trusted_or_read_is_refused() {
    let folder = data_folder();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    for (setting, value, message) in [
        ("JWKS_URL", "http://keys.example/".to_owned(), "not https"),
        ("JWKS_URL", "keys.example".to_owned(), "not a URL"),
        ("DISCOVERY_URL", "http://10.0.0.1/".to_owned(), "not https"),
        (
            "DISCOVERY_URL",
            "https://me:pw@a.example/".to_owned(),
            "user or password",
        ),
        ("JWKS_FILE", path(&pipe), "not a regular file"),
        ("JWKS_FILE", "/dev/zero".to_owned(), "not a regular file"),
        ("JWKS_FILE", path(folder.path()), "not a regular file"),
        (
            "JWKS_FILE",
            path(&folder.path().join("none")),
            "cannot be read",
        ),
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

fn assert_fails(output: &Output, message: &str, said: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(errors.contains(message), "{said}: {errors}");
}
