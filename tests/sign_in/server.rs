//! A server whose people sign in at an issuer on loopback.

use flowruns_testing::{
    harness::{DEADLINE, ServerProcess},
    issuer::{LocalIssuer, People},
    tokens::SigningKey,
};
use tokio::time::timeout;

use crate::FLOWRUNS;

pub(crate) const AUDIENCE: &str = "api://flowruns";
pub(crate) const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
pub(crate) const CLIENT: &str = "dashboard";
pub(crate) const READ: &str = "IndustryData-Run.Read.All";

/// An issuer, and a server that trusts it.
pub(crate) struct Fixture {
    pub(crate) issuer: LocalIssuer,
    pub(crate) server: ServerProcess,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more settings of the server.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let issuer = LocalIssuer::start().await;
        issuer.sign_in(people(READ));
        let server = server(&issuer, settings);
        Self { issuer, server }
    }

    /// The URL of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// The link that begins the sign-in.
    pub(crate) fn begin(&self, next: &str) -> String {
        self.url(&format!("/ui/sign-in?begin=1&next={next}"))
    }
}

/// People of the tenant with these scopes.
pub(crate) fn people(scopes: &str) -> People {
    People::new(SigningKey::es256("key"), CLIENT, AUDIENCE, TENANT, scopes)
}

pub(crate) fn server(issuer: &LocalIssuer, settings: &[(&str, &str)]) -> ServerProcess {
    let server = FLOWRUNS.server().envs([
        ("FLOWRUNS_AUTH__ISSUER", issuer.name()),
        ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE),
        ("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "100"),
        ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", CLIENT),
    ]);
    server.envs(settings.iter().copied()).start()
}

/// Waits for what must happen before [`DEADLINE`].
pub(crate) async fn in_time<T>(event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap()
}
