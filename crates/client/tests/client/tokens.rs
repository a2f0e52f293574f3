//! Tokens that are not accepted.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use flowruns_api::auth::Permission;
use flowruns_client::{
    Error, FileToken, FixedToken, ReportError, Status, Timestamp, Token, TokenError, TokenProvider,
};

use crate::service::{Fixture, Service};

struct Sequence {
    tokens: Vec<String>,
    fetched: AtomicUsize,
}

#[async_trait]
impl TokenProvider for Sequence {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        let number = self.fetched.fetch_add(1, Ordering::Relaxed);
        Token::new(&self.tokens[number.min(self.tokens.len() - 1)], "the test")
    }
}

fn sequence(tokens: &[&str]) -> Sequence {
    let tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
    Sequence { tokens, fetched: AtomicUsize::new(0) }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_once_after_401() {
    let service = Service::start();
    let flow = service.create_flow("Flow").await;
    let (builder, proxy) = service.builder();
    let client = builder.tokens(sequence(&["revoked", &service.full_token()])).build().unwrap();
    let run = client.flow_by_id(flow).start("Run").await.unwrap();
    assert_eq!(proxy.count("POST"), 2);
    run.complete(()).await.unwrap();
    assert_eq!(proxy.count("PATCH"), 1);

    let (builder, proxy) = service.builder();
    let client = builder.tokens(sequence(&["revoked", "revoked too"])).build();
    assert!(client.unwrap().flow_record(flow).await.is_err());
    let (builder, _) = service.builder();
    let client = builder.tokens(sequence(&["revoked", "other"])).build().unwrap();
    let error = client.flow_record(flow).await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    assert!(proxy.sent().len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_the_permission_is_told_and_the_end_is_spooled() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start();
    let flow = service.create_flow("Flow").await;
    let reader = FixedToken::new(&service.token(Permission::ReadRuns)).unwrap();
    let (builder, _proxy) = service.builder();
    let client = builder.tokens(reader).spool(folder.path().join("spool")).build().unwrap();
    let flow = client.flow_by_id(flow);
    let error = flow.start("Run").await.unwrap_err();
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    let run = flow.start_detached("Run").unwrap();
    let address = run.address();
    let error = run.complete(()).await.unwrap_err();
    assert!(matches!(error, ReportError::NotAllowed { spooled: true, .. }), "{error:?}");
    assert!(service.run(address).await.is_null());
    let kept = client.flush_spool(Duration::from_secs(60)).await.unwrap();
    assert_eq!((kept.kept, kept.delivered), (2, 0));

    let (builder, _proxy) = service.builder();
    let client = builder.spool(folder.path().join("spool")).build().unwrap();
    let sent = client.flush_spool(Duration::from_secs(60)).await.unwrap();
    assert_eq!((sent.kept, sent.delivered, sent.refused), (0, 1, 1));
    assert_eq!(service.status(address).await, Status::Completed.as_str());
}

#[tokio::test(start_paused = true)]
async fn a_token_file_is_read_and_a_missing_one_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let fixture = Fixture::with(|builder| builder.tokens(FileToken::new(&path))).await;
    let begun = tokio::time::Instant::now();
    let error = fixture.client.flow_record(fixture.flow.id()).await.unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Misconfigured { .. })), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    std::fs::write(&path, format!("{}\n", fixture.service.full_token())).unwrap();
    assert_eq!(fixture.client.flow_record(fixture.flow.id()).await.unwrap().display_name, "Flow");
}
