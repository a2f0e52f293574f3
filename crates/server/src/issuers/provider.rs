//! The issuer at which people sign in: its end points, and the exchange of a code for tokens.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use flowruns_http::auth::RefreshOptions;
use reqwest::{StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, timeout},
};

use super::{
    http::{Http, HttpResponse},
    url::discovered_url,
};
use crate::config::DashboardIssuer;

/// How many codes may be exchanged at the same time. Each waits for the issuer.
const MAX_EXCHANGES: usize = 32;

/// An issuer at which people sign in.
pub(crate) struct Provider {
    issuer: DashboardIssuer,
    options: RefreshOptions,
    http: Http,
    known: Mutex<Known>,
    exchanges: Semaphore,
}

/// What the last fetch of the discovery document gave.
#[derive(Default)]
struct Known {
    end_points: Option<Arc<EndPoints>>,
    /// When the document may be fetched again, in the form of the last attempt and the pause after it.
    attempted: Option<(Instant, Duration)>,
}

/// The end points of an issuer.
pub(crate) struct EndPoints {
    /// Where a browser is sent to sign in.
    pub(crate) authorization: Url,
    /// Where a browser is sent to sign out, if the issuer has such a page.
    pub(crate) end_session: Option<Url>,
    /// Whether each response names the issuer (RFC 9207).
    pub(crate) names_itself: bool,
    token: Url,
    sends_secret_in_body: bool,
    /// For the end point of tokens alone, so that its restriction to public addresses is never lifted.
    http: Http,
}

/// The members of a discovery document that are used.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The response to a code.
#[derive(Debug)]
pub(crate) enum Exchange {
    Tokens(Tokens),
    /// The issuer did not accept the code; its error code.
    Rejected(String),
}

/// The tokens of a person. They are used once and dropped.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    token_type: String,
}

#[derive(Deserialize)]
struct Rejection {
    error: String,
    error_description: Option<String>,
}

impl Provider {
    pub(super) fn new(issuer: DashboardIssuer, options: RefreshOptions) -> anyhow::Result<Self> {
        Ok(Self {
            issuer,
            options,
            http: Http::new()?,
            known: Mutex::default(),
            exchanges: Semaphore::new(MAX_EXCHANGES),
        })
    }

    /// The configuration of this issuer.
    pub(crate) const fn settings(&self) -> &DashboardIssuer {
        &self.issuer
    }

    /// The end points of the last document. It is fetched when it is older than the refresh interval. After a failure the end
    /// points of an older document are used, and without one the next attempt follows after the cooldown.
    ///
    /// # Errors
    ///
    /// The issuer has never responded with a usable document.
    pub(crate) async fn end_points(&self) -> anyhow::Result<Arc<EndPoints>> {
        let limit = self.options.timeout;
        // One request fetches, the others wait for it, and none waits longer than an attempt may take.
        let waited = timeout(limit.saturating_mul(2), self.known.lock()).await;
        let mut known = waited.context("the discovery document is still being fetched")?;
        let is_due = known.attempted.is_none_or(|(at, pause)| at.elapsed() >= pause);
        if is_due {
            let fetched = timeout(limit, self.discover()).await;
            let fetched = fetched.map_err(anyhow::Error::from).and_then(|fetched| fetched);
            let pause = match &fetched {
                Ok(_) => self.options.interval,
                Err(_) => self.options.cooldown,
            };
            known.attempted = Some((Instant::now(), pause));
            match fetched {
                Ok(end_points) => known.end_points = Some(Arc::new(end_points)),
                Err(error) => tracing::warn!(
                    issuer = self.issuer.issuer,
                    error = format!("{error:#}"),
                    "the issuer's end points for the dashboard cannot be read"
                ),
            }
        }
        known.end_points.clone().context("the issuer's end points cannot be read now")
    }

    /// Fetches the discovery document once.
    ///
    /// # Errors
    ///
    /// Why the document cannot be used.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let limit = self.options.timeout;
        let fetched = timeout(limit, self.discover()).await;
        fetched.with_context(|| format!("its end points were not received within {limit:?}"))??;
        Ok(())
    }

    async fn discover(&self) -> anyhow::Result<EndPoints> {
        let document = &self.issuer.document;
        let HttpResponse { body, is_internal } = self.http.get(document).await?;
        let read: Document = serde_json::from_slice(&body).with_context(|| {
            format!("{document} is not a discovery document with end points to sign in")
        })?;
        if read.issuer != self.issuer.issuer {
            bail!("{document} is the document of another issuer, {:?}", read.issuer);
        }
        let url = |text: &str, name: &'static str| discovered_url(text, document).context(name);
        let end_session = read.end_session_endpoint.as_deref();
        let token = url(&read.token_endpoint, "its token_endpoint")?;
        let http = Http::new()?;
        if !is_internal {
            http.restrict_to_public(&token);
        }
        Ok(EndPoints {
            authorization: url(&read.authorization_endpoint, "its authorization_endpoint")?,
            end_session: end_session
                .map(|text| url(text, "its end_session_endpoint"))
                .transpose()?,
            names_itself: read.authorization_response_iss_parameter_supported,
            token,
            // OpenID Connect Discovery 1.0, section 3: the default is client_secret_basic.
            sends_secret_in_body: read.token_endpoint_auth_methods_supported.is_some_and(
                |methods| !methods.iter().any(|method| method == "client_secret_basic"),
            ),
            http,
        })
    }

    /// Exchanges a code for tokens (RFC 6749, section 4.1.3, with the proof key of RFC 7636).
    ///
    /// # Errors
    ///
    /// The issuer does not respond in time, or not as the standards say.
    pub(crate) async fn exchange(
        &self,
        end_points: &EndPoints,
        code: &str,
        redirect_uri: &str,
        code_verifier: &str,
    ) -> anyhow::Result<Exchange> {
        let _permit = self.exchanges.try_acquire().context("too many people sign in now")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", code_verifier),
        ];
        let (form, basic) = self.with_credentials(&form, end_points.sends_secret_in_body);
        let basic = basic.as_ref().map(|(client, secret)| (&**client, &**secret));
        let sent = end_points.http.post_form(&end_points.token, form, basic);
        let (status, body) = timeout(self.options.timeout, sent)
            .await
            .context("the issuer did not respond to the code in time")??;
        self.read(status, &body)
    }

    /// A form with the id and the secret of this application, or with these two for the header Authorization.
    fn with_credentials(
        &self,
        form: &[(&str, &str)],
        in_body: bool,
    ) -> (String, Option<(String, String)>) {
        let client = &self.issuer.client_id;
        let secret = self.issuer.client_secret.as_ref().map(|secret| secret.expose_secret());
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        serializer.extend_pairs(form);
        match secret {
            // RFC 6749, section 2.3.1: both are encoded as in a form.
            Some(secret) if !in_body => {
                (serializer.finish(), Some((encoded(client), encoded(secret))))
            }
            Some(secret) => {
                serializer.append_pair("client_id", client).append_pair("client_secret", secret);
                (serializer.finish(), None)
            }
            None => {
                serializer.append_pair("client_id", client);
                (serializer.finish(), None)
            }
        }
    }

    fn read(&self, status: StatusCode, body: &[u8]) -> anyhow::Result<Exchange> {
        if status == StatusCode::OK {
            // The message of the parser's error could quote a token.
            let Ok(tokens) = serde_json::from_slice::<Tokens>(body) else {
                bail!(
                    "the issuer's response to the code has no access_token, id_token and token_type"
                );
            };
            if !tokens.token_type.eq_ignore_ascii_case("bearer") {
                bail!("the issuer's token is not a bearer token");
            }
            return Ok(Exchange::Tokens(tokens));
        }
        match serde_json::from_slice::<Rejection>(body) {
            Ok(rejection) if status.is_client_error() => {
                let description = rejection.error_description.unwrap_or_default();
                tracing::warn!(
                    issuer = self.issuer.issuer,
                    error = excerpt(&rejection.error),
                    description = excerpt(&description),
                    "the issuer rejected the code of a person who signs in"
                );
                Ok(Exchange::Rejected(rejection.error))
            }
            Ok(_) | Err(_) => bail!("the issuer responded to the code with {status}"),
        }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// A text as the value of a form has it.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The beginning of a text of the issuer, for the log.
fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    text.chars().filter(|character| !character.is_control()).take(MAX_CHARS).collect()
}
