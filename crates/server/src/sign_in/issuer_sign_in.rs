//! The sign-in at an issuer: OpenID Connect, authorization code with a proof key (RFC 7636).

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::{
    RequestError,
    auth::{TokenError, TokenVerifier},
};
use jsonwebtoken::dangerous::insecure_decode;
use reqwest::Url;
use serde::Deserialize;

use super::{
    cookie::Transport,
    failure,
    id_token::{IdClaims, is_issuer},
    login_state::{LoginState, LoginStates},
    next_path::NextPath,
    query::Parameters,
    random,
    session::Session,
    time::second,
};
use crate::{
    issuers::{EndPoints, Exchange, Provider, Tokens},
    shared_secret::SharedSecret,
};

/// The longest session, in seconds, however long the token lives.
const MAX_SESSION: i64 = 12 * 3600;
/// The shortest session, in seconds: a shorter one could have expired when the browser sends it.
const MIN_SESSION: i64 = 2;

/// Sends browsers to the issuer and reads what they bring back.
pub(super) struct IssuerSignIn {
    provider: Provider,
    verifier: Arc<TokenVerifier>,
    states: LoginStates,
}

/// A browser that is sent to the issuer.
pub(super) struct Departure {
    pub(super) url: String,
    pub(super) cookies: Vec<HeaderValue>,
}

/// What an attempt has come to, besides a failure that a person or an operator must read.
pub(super) enum Arrival {
    /// The person signed in.
    SignedIn { session: Session, attempt: LoginState },
    /// The issuer did not sign the person in: without asking, because input is needed, or because the person declined.
    Declined(LoginState),
    /// No attempt of this browser belongs to the response, or its code was used already.
    Unknown,
}

/// How a browser came to an address of the sign-in.
pub(super) struct Visit<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) transport: Transport,
    /// The URL at which the issuer sends browsers back.
    pub(super) redirect_uri: String,
    pub(super) now: Timestamp,
}

/// The claims of an access token that are read once the API's verifier has accepted it.
#[derive(Deserialize)]
struct AcceptedClaims {
    iss: String,
    exp: f64,
}

impl IssuerSignIn {
    pub(super) fn new(
        provider: Provider,
        verifier: Arc<TokenVerifier>,
        secret: &SharedSecret,
    ) -> anyhow::Result<Self> {
        Ok(Self { provider, verifier, states: LoginStates::new(secret)? })
    }

    /// The host of the issuer, by which people know it.
    pub(super) fn host(&self) -> String {
        let document = &self.provider.settings().document;
        document.host_str().unwrap_or_default().to_owned()
    }

    /// Sends a browser to the issuer; if silent, only for as long as no input is needed there.
    pub(super) async fn depart(
        &self,
        visit: &Visit<'_>,
        next: &NextPath,
        is_silent: bool,
    ) -> Result<Departure, RequestError> {
        let end_points = self.end_points().await?;
        let attempt = LoginState::new(next, is_silent, visit.now)?;
        let cookies = self.states.cookies(&attempt, visit.headers, visit.transport);
        let cookies =
            cookies.ok_or_else(|| RequestError::internal("the cookie of a sign-in is too long"))?;
        let settings = self.provider.settings();
        let challenge = digest::digest(&digest::SHA256, attempt.code_verifier.as_bytes());
        let mut url = end_points.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", &visit.redirect_uri)
            .append_pair("scope", &settings.scope)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        if is_silent {
            url.query_pairs_mut().append_pair("prompt", "none");
        }
        Ok(Departure { url: url.into(), cookies })
    }

    /// The page at which people sign out of the issuer too, if it has one.
    pub(super) async fn sign_out_url(&self, return_to: &str) -> Option<String> {
        let end_points = self.provider.end_points().await.ok()?;
        let mut url: Url = end_points.end_session.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.provider.settings().client_id)
            .append_pair("post_logout_redirect_uri", return_to);
        Some(url.into())
    }

    /// The attempt of this browser to which a response belongs.
    pub(super) fn attempt(&self, visit: &Visit<'_>, sent: &Parameters<'_>) -> Option<LoginState> {
        self.states.find(sent.get("state")?, visit.headers, visit.transport, visit.now)
    }

    /// Reads what a browser brings back from the issuer.
    pub(super) async fn arrive(
        &self,
        visit: &Visit<'_>,
        sent: &Parameters<'_>,
        attempt: LoginState,
    ) -> Result<Arrival, RequestError> {
        let end_points = self.end_points().await?;
        self.check_issuer(&end_points, sent)?;
        if let Some(error) = sent.get("error") {
            return declined(error, attempt);
        }
        let Some(code) = sent.get("code") else {
            return Ok(Arrival::Unknown);
        };
        let exchanged = self
            .provider
            .exchange(&end_points, code, &visit.redirect_uri, &attempt.code_verifier)
            .await;
        match exchanged.map_err(failure::issuer_unavailable)? {
            Exchange::Tokens(tokens) => {
                let session = self.session(&tokens, &attempt, visit.now).await?;
                Ok(Arrival::SignedIn { session, attempt })
            }
            // The code was used, has expired, or belongs to another attempt.
            Exchange::Rejected(error) if error == "invalid_grant" => Ok(Arrival::Unknown),
            Exchange::Rejected(error) => Err(failure::rejected_by_issuer(&error)),
        }
    }

    async fn end_points(&self) -> Result<Arc<EndPoints>, RequestError> {
        self.provider.end_points().await.map_err(failure::issuer_unavailable)
    }

    /// RFC 9207: a response of another issuer must not make this server send that issuer's code to ours, or the reverse.
    fn check_issuer(
        &self,
        end_points: &EndPoints,
        sent: &Parameters<'_>,
    ) -> Result<(), RequestError> {
        let is_right = match sent.get("iss") {
            Some(name) => is_issuer(&self.provider.settings().issuer, name),
            None => !end_points.names_itself,
        };
        if is_right { Ok(()) } else { Err(failure::wrong_issuer()) }
    }

    /// Verifies both tokens. The access token decides what the person may do, exactly as it would at the API.
    async fn session(
        &self,
        tokens: &Tokens,
        attempt: &LoginState,
        now: Timestamp,
    ) -> Result<Session, RequestError> {
        let settings = self.provider.settings();
        let verified = self.verifier.verify_for::<IdClaims>(&tokens.id_token, &settings.client_id);
        let identity = verified.await.map_err(id_token_rejected)?;
        identity
            .check(&settings.issuer, &settings.client_id, &attempt.nonce)
            .map_err(failure::id_token_rejected)?;
        let caller = self.verifier.verify(&tokens.access_token).await;
        let caller = caller.map_err(access_token_rejected)?;
        // The verifier has just accepted this token.
        let claims = insecure_decode::<AcceptedClaims>(&tokens.access_token);
        let claims = claims.map_err(|_| access_token_rejected(TokenError::Malformed))?.claims;
        if !is_issuer(&settings.issuer, &claims.iss) {
            return Err(access_token_rejected(TokenError::WrongIssuer));
        }
        // A fraction of a second is cut, and `as` saturates.
        let expires_at = (claims.exp as i64).min(second(now) + MAX_SESSION);
        if expires_at < second(now) + MIN_SESSION {
            return Err(failure::expires_too_soon());
        }
        let session = Session::of(&caller, identity.name(), expires_at, random::uuid()?);
        session.ok_or_else(failure::no_permission)
    }
}

/// An error of RFC 6749, section 4.1.2.1, or OpenID Connect Core 1.0, section 3.1.2.6.
fn declined(error: &str, attempt: LoginState) -> Result<Arrival, RequestError> {
    const OF_PEOPLE: [&str; 5] = [
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
    ];
    // Whatever prevented a silent attempt, the person can try again with input.
    if attempt.is_silent || OF_PEOPLE.contains(&error) {
        return Ok(Arrival::Declined(attempt));
    }
    Err(match error {
        "temporarily_unavailable" | "server_error" => {
            failure::issuer_unavailable(anyhow::anyhow!("the issuer responded with {error}"))
        }
        _ => failure::rejected_by_issuer(error),
    })
}

fn id_token_rejected(error: TokenError) -> RequestError {
    match error {
        TokenError::KeysUnavailable => failure::issuer_unavailable(error.into()),
        _ => failure::id_token_rejected(&error.to_string()),
    }
}

fn access_token_rejected(error: TokenError) -> RequestError {
    match error {
        TokenError::KeysUnavailable => failure::issuer_unavailable(error.into()),
        _ => failure::access_token_rejected(error),
    }
}
