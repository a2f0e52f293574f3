//! An issuer that publishes a set without usable keys.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use tokio::runtime::Builder;

use super::*;
use crate::auth::testing::TENANT;

/// Two sets without a key that can verify a token.
const WITHOUT_KEYS: [&str; 2] =
    [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"},{"kty":"new","kid":"a"}]}"#];

fn shown_keys(metrics: &PrometheusHandle) -> Option<String> {
    let shown = metrics.render();
    let line = format!("flowruns_issuer_keys{{issuer=\"{ISSUER}\"}} ");
    let mut lines = shown.lines();
    lines.find_map(|shown| Some(shown.strip_prefix(&line)?.to_owned()))
}

async fn withdraw(set: &str, metrics: &PrometheusHandle) {
    let (source, key) = (FakeIssuer::default(), NamedKey::new("a"));
    source.respond_with(jwks(&[&key]));
    let verifier = source.verifier();
    let verified = key.token(ISSUER);
    let fresh =
        key.sign(&json!({"iss": ISSUER, "aud": AUDIENCE, "tid": TENANT, "exp": 4_102_444_801_u64}));
    assert!(verifier.verify(&verified).await.is_ok());
    assert_eq!(shown_keys(metrics).as_deref(), Some("1"));
    source.respond_with(set.as_bytes().to_vec());
    advance(OPTIONS.interval).await;
    // An unknown key waits for the fetch that is due.
    let unknown = NamedKey::new("z").token(ISSUER);
    assert_eq!(verifier.verify(&unknown).await, Err(TokenError::WronglySigned));
    for token in [&verified, &fresh] {
        assert_eq!(verifier.verify(token).await, Err(TokenError::WronglySigned));
    }
    assert_eq!(shown_keys(metrics).as_deref(), Some("0"));
    // A later failure restores nothing, and the next set of keys is used again.
    source.respond_with(None);
    advance(OPTIONS.cooldown).await;
    assert!(verifier.verify(&verified).await.is_err());
    source.respond_with(jwks(&[&key]));
    advance(OPTIONS.cooldown).await;
    assert!(verifier.verify(&verified).await.is_ok());
    assert_eq!(shown_keys(metrics).as_deref(), Some("1"));
}

#[test]
fn an_issuer_that_withdraws_all_keys_has_all_of_its_tokens_rejected() {
    for set in WITHOUT_KEYS {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        metrics::with_local_recorder(&recorder, || runtime.block_on(withdraw(set, &metrics)));
    }
}
