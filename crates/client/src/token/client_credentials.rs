//! Tokens of an OpenID issuer for an application (OAuth 2.0 client credentials).

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::TimeDelta;
use flowruns_domain::timestamp::Timestamp;
use http::{Request, Response, StatusCode, header};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::time::timeout;

use super::provider::{Token, TokenError, TokenProvider, read_small, unreadable};
use crate::{HttpTransport, JobError, Transport, address::is_loopback};

const TIMEOUT: Duration = Duration::from_secs(15);
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Gets tokens from an issuer with the id and the secret of an application. The secret is read from its file each time, so that it
/// can be replaced.
pub struct ClientCredentials {
    issuer: Url,
    client_id: String,
    secret_file: PathBuf,
    scope: Option<String>,
    transport: Arc<dyn Transport>,
}

#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    /// Seconds; a number, or a text of some issuers.
    #[serde(default)]
    expires_in: Value,
}

/// The issuer does not accept the application. Asking again with the same secret does not help, and may lock it.
#[derive(Debug, Error)]
#[error("{endpoint} responded with {status} {code}")]
struct Rejected {
    endpoint: Url,
    status: StatusCode,
    /// The code of RFC 6749, such as `invalid_client`; empty when the response has none.
    code: String,
}

#[derive(Default, Deserialize)]
struct ErrorResponse {
    error: String,
}

impl ClientCredentials {
    /// The application `client_id` at an issuer: https, or http on this machine.
    ///
    /// # Errors
    ///
    /// [`TokenError::Misconfigured`] for another URL; [`TokenError::Unavailable`] when TLS cannot be set up.
    pub fn new(
        issuer: Url,
        client_id: impl Into<String>,
        secret_file: impl Into<PathBuf>,
    ) -> Result<Self, TokenError> {
        if !is_trusted(&issuer) {
            let reason = "it must be https, or http on this machine".to_owned();
            return Err(TokenError::Misconfigured { what: format!("the issuer {issuer}"), reason });
        }
        let transport = HttpTransport::new(&issuer);
        let transport =
            transport.map_err(|error| TokenError::unavailable("the TLS of the issuer", error))?;
        Ok(Self {
            issuer,
            client_id: client_id.into(),
            secret_file: secret_file.into(),
            scope: None,
            transport: Arc::new(transport),
        })
    }

    /// The scope to ask for, such as `api://flowruns/.default` for Microsoft Entra.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    async fn get(&self) -> Result<(TokenResponse, String), JobError> {
        let name = self.issuer.as_str().trim_end_matches('/');
        let url: Url = format!("{name}{DISCOVERY}").parse()?;
        let request = Request::get(url.as_str()).body(Bytes::new())?;
        let response = self.transport.send(request).await?;
        let document: DiscoveryDocument = serde_json::from_slice(&ok(&url, response)?)?;
        if document.issuer.trim_end_matches('/') != name {
            return Err(format!(
                "the discovery document is of another issuer, {:?}",
                document.issuer
            )
            .into());
        }
        let endpoint: Url = document.token_endpoint.parse()?;
        if !is_trusted(&endpoint) || (is_loopback(&endpoint) && !is_loopback(&self.issuer)) {
            return Err(format!("the secret is not sent to the token endpoint {endpoint}").into());
        }
        let secret = read_small(self.secret_file.clone()).await?;
        let request = self.token_request(&endpoint, secret.trim(), &document)?;
        let response = self.transport.send(request).await?;
        let status = response.status();
        if matches!(status.as_u16(), 400 | 401 | 403) {
            let error = serde_json::from_slice(response.body()).unwrap_or(ErrorResponse::default());
            return Err(Rejected { endpoint, status, code: error.error }.into());
        }
        Ok((serde_json::from_slice(&ok(&endpoint, response)?)?, endpoint.to_string()))
    }

    fn token_request(
        &self,
        endpoint: &Url,
        secret: &str,
        document: &DiscoveryDocument,
    ) -> Result<Request<Bytes>, JobError> {
        let methods = &document.token_endpoint_auth_methods_supported;
        let supports = |method: &str| methods.iter().any(|supported| supported == method);
        // RFC 8414: without the list the method is client_secret_basic.
        let in_body = supports("client_secret_post") && !supports("client_secret_basic");
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        if in_body {
            fields.extend([("client_id", &*self.client_id), ("client_secret", secret)]);
        }
        let mut request = Request::post(endpoint.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if !in_body {
            let pair = format!("{}:{}", form_encoded(&self.client_id)?, form_encoded(secret)?);
            request =
                request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
        }
        Ok(request.body(Bytes::from(form(&fields)?))?)
    }
}

/// The body of a response 200.
fn ok(url: &Url, response: Response<Bytes>) -> Result<Bytes, JobError> {
    if response.status() != StatusCode::OK {
        return Err(format!("{url} responded with {}", response.status()).into());
    }
    Ok(response.into_body())
}

/// The life of a token, in seconds.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn failed(what: String, error: JobError) -> TokenError {
    match error.downcast_ref::<Rejected>() {
        Some(rejected) => TokenError::Misconfigured { what, reason: rejected.to_string() },
        None => unreadable(&what, error),
    }
}

fn is_trusted(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// A form as its query.
fn form(fields: &[(&str, &str)]) -> Result<String, JobError> {
    let url = Url::parse_with_params("https://form.invalid", fields)?;
    Ok(url.query().unwrap_or_default().to_owned())
}

fn form_encoded(text: &str) -> Result<String, JobError> {
    Ok(form(&[("", text)])?.trim_start_matches('=').to_owned())
}

#[async_trait]
impl TokenProvider for ClientCredentials {
    async fn fetch(&self, now: Timestamp) -> Result<Token, TokenError> {
        let what = format!("a token of the issuer {}", self.issuer);
        let fetched = match timeout(TIMEOUT, self.get()).await {
            Ok(fetched) => fetched,
            Err(elapsed) => Err(elapsed.into()),
        };
        let (response, endpoint) = fetched.map_err(|error| failed(what, error))?;
        let token = Token::new(response.access_token.expose_secret(), &endpoint)?;
        let until = seconds(&response.expires_in).and_then(TimeDelta::try_seconds);
        let until = until.and_then(|life| now.date_time().checked_add_signed(life));
        let until = until.and_then(|until| Timestamp::new(until).ok());
        let expires = until.or(token.expires());
        Ok(token.expiring(expires))
    }
}
