//! Who looks at the dashboard: sign-in at an issuer or with a one-time code of the local key, and the sessions that follow.
//!
//! A session is a sealed cookie; no server keeps it. It counts for the dashboard only: the API reads no cookies.

mod as_text;
mod attempts;
mod bounded_ids;
mod callback;
mod cookie;
mod failure;
mod form_token;
mod id_token;
mod issuer_sign_in;
mod login_state;
mod next_path;
mod one_time_code;
mod query;
mod random;
mod renewal;
mod response;
mod sealed;
mod session;
mod time;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{HeaderMap, Method};
use flowruns_dashboard::{
    Gate, NotSignedIn, SignInLink, SignInMessage, SignInPage, SignInRequest, SignInResponse,
    Visitor, VisitorPath,
};
use flowruns_domain::{clock::Clock, timestamp::Timestamp};
use flowruns_http::{RequestError, RequestOrigin, auth::TokenVerifier, client_address};
use ipnet::IpNet;
use reqwest::Url;

use self::{
    attempts::Attempts,
    bounded_ids::BoundedIds,
    cookie::Transport,
    form_token::FormTokens,
    issuer_sign_in::{IssuerSignIn, Visit},
    next_path::NextPath,
    one_time_code::OneTimeCodes,
    query::Parameters,
    response::{
        SIGNED_OUT, back_to_sign_in, encoded, is_in_advance, message_named, name_of, redirect,
    },
    session::{Session, Sessions},
    time::second,
};
use crate::{config::Settings, issuers, shared_secret::SharedSecret};

/// How long a session of the local key lasts, in seconds.
const LOCAL_SESSION: i64 = 12 * 3600;
/// What the pages call a person who opened a one-time link.
const LOCAL_NAME: &str = "Local key";

/// Signs people in and knows them by their sessions.
struct SignIn {
    sessions: Sessions,
    form_tokens: FormTokens,
    attempts: Attempts,
    /// Sessions that were ended here. Another server accepts a copy of their cookies until they expire.
    ended: BoundedIds,
    method: SignInMethod,
    public_url: Option<Url>,
    trusted_proxies: Vec<IpNet>,
}

/// How people sign in.
enum SignInMethod {
    Issuer(Box<IssuerSignIn>),
    LocalKey(OneTimeCodes),
    /// There are issuers, but none at which people sign in.
    None,
}

/// Opens the sign-in that the configuration describes.
///
/// # Errors
///
/// A configuration that cannot be used, or keys that cannot be derived.
pub(crate) fn open(
    settings: &Settings,
    verifier: &Arc<TokenVerifier>,
    secret: &SharedSecret,
    clock: &dyn Clock,
) -> anyhow::Result<Arc<dyn Gate>> {
    let provider = issuers::provider(&settings.auth)?;
    let method = match provider {
        Some(provider) => {
            let issuer = IssuerSignIn::new(provider, Arc::clone(verifier), secret)?;
            SignInMethod::Issuer(Box::new(issuer))
        }
        // Without an issuer the verifier is that of the local key.
        None if !settings.auth.has_issuer() => {
            SignInMethod::LocalKey(OneTimeCodes::new(Arc::clone(verifier), clock.now()))
        }
        None => SignInMethod::None,
    };
    Ok(Arc::new(SignIn {
        sessions: Sessions::new(secret)?,
        form_tokens: FormTokens::new(secret)?,
        attempts: Attempts::new(),
        ended: BoundedIds::default(),
        method,
        public_url: settings.dashboard.public_url()?,
        trusted_proxies: settings.http.trusted_proxies.clone(),
    }))
}

#[async_trait]
impl Gate for SignIn {
    fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Visitor, NotSignedIn> {
        // Where nobody can sign in, no session was made by this server.
        if matches!(self.method, SignInMethod::None) {
            return Err(NotSignedIn::NoSession);
        }
        let visitor = self.sessions.visitor(headers, now)?;
        match self.ended.contains(visitor.session) {
            true => Err(NotSignedIn::NoSession),
            false => Ok(visitor),
        }
    }

    fn form_token(&self, visitor: &Visitor) -> String {
        self.form_tokens.of(visitor.session)
    }

    fn is_form_token(&self, visitor: &Visitor, token: &str) -> bool {
        self.form_tokens.is_of(visitor.session, token)
    }

    async fn respond(&self, request: SignInRequest) -> Result<SignInResponse, RequestError> {
        match request.path {
            VisitorPath::SignIn => self.sign_in(&request).await,
            VisitorPath::Callback => self.callback(&request).await,
            VisitorPath::Open => self.open_link(&request).await,
            VisitorPath::SignOut => Ok(self.sign_out(&request)),
        }
    }
}

impl SignIn {
    /// `/ui/sign-in`: goes on if the person is signed in, renews an expired session once, begins if the page asks for it, and
    /// otherwise shows how to sign in.
    async fn sign_in(&self, request: &SignInRequest) -> Result<SignInResponse, RequestError> {
        let query = request.query.as_deref().unwrap_or_default();
        let sent = Parameters::of(query.as_bytes());
        let next = NextPath::or_home(sent.get("next"));
        if request.visitor.is_some() {
            return Ok(redirect(&request.origin, next.as_str(), Vec::new()));
        }
        let after = sent.get("after").and_then(message_named);
        let begins = request.method == Method::GET && sent.get("begin").is_some();
        match &self.method {
            SignInMethod::Issuer(issuer) => {
                let expired = self.renewable(request).filter(|_| after.is_none() && !begins);
                if begins || expired.is_some() {
                    return self.depart(issuer, request, &next, expired).await;
                }
            }
            SignInMethod::LocalKey(_) => {}
            SignInMethod::None => return Err(failure::not_configured()),
        }
        Ok(SignInResponse::Page(self.page(request, &next, after).await))
    }

    /// Sends the browser to the issuer, silently for an expired session.
    async fn depart(
        &self,
        issuer: &IssuerSignIn,
        request: &SignInRequest,
        next: &NextPath,
        expired: Option<Session>,
    ) -> Result<SignInResponse, RequestError> {
        let visit = self.visit(request)?;
        let departure = issuer.depart(&visit, next, expired.is_some()).await?;
        let mut cookies = departure.cookies;
        cookies.extend(expired.and_then(|session| renewal::tried(session.id, visit.transport)));
        Ok(SignInResponse::Redirect { location: departure.url, cookies, clears_cache: false })
    }

    /// The page that offers the sign-in, after what has just happened.
    async fn page(
        &self,
        request: &SignInRequest,
        next: &NextPath,
        after: Option<SignInMessage>,
    ) -> SignInPage {
        let issuer = match &self.method {
            SignInMethod::Issuer(issuer) => Some(issuer),
            SignInMethod::LocalKey(_) | SignInMethod::None => None,
        };
        let address = format!("/ui/sign-in?begin=1&next={}", encoded(next));
        let sign_out = match (issuer, after) {
            (Some(issuer), Some(SignInMessage::SignedOut)) => {
                issuer.sign_out_url(&format!("{}/ui", self.base_url(&request.origin))).await
            }
            _ => None,
        };
        let has_expired = self.sessions.expired(&request.headers, request.now).is_some();
        SignInPage {
            next: next.to_string(),
            start: issuer.map(|issuer| SignInLink { host: issuer.host(), address }),
            message: after.or(has_expired.then_some(SignInMessage::Expired)),
            sign_out,
        }
    }

    /// The expired session of a request, if its renewal was not tried before.
    fn renewable(&self, request: &SignInRequest) -> Option<Session> {
        let transport = self.transport(&request.origin)?;
        let session = self.sessions.expired(&request.headers, request.now)?;
        let is_untried = renewal::is_untried(session.id, &request.headers, transport);
        let is_usable = request.method == Method::GET && !self.ended.contains(session.id);
        (is_usable && is_untried).then_some(session)
    }

    /// `/ui/open`: a one-time link. Only a person who opens it uses it up.
    async fn open_link(&self, request: &SignInRequest) -> Result<SignInResponse, RequestError> {
        if request.method != Method::GET || is_in_advance(&request.headers) {
            return Err(failure::not_fetched_in_advance());
        }
        let sent = Parameters::of(request.query.as_deref().unwrap_or_default().as_bytes());
        let next = NextPath::or_home(sent.get("next"));
        let SignInMethod::LocalKey(codes) = &self.method else {
            return Ok(redirect(&request.origin, "/ui/sign-in", Vec::new()));
        };
        let transport = self.transport(&request.origin).ok_or_else(failure::needs_https)?;
        self.count_attempt(request)?;
        let code = sent.get("code").unwrap_or_default();
        let caller = match codes.redeem(code, request.now).await {
            Ok(caller) => caller,
            Err(unusable) => {
                let message = name_of(unusable);
                return Ok(back_to_sign_in(&request.origin, &next, message, Vec::new()));
            }
        };
        let expires_at = second(request.now) + LOCAL_SESSION;
        let session = Session::of(&caller, LOCAL_NAME, expires_at, random::uuid()?);
        let session = session.ok_or_else(failure::no_permission)?;
        let cookie = self.sessions.cookie(&session, transport);
        Ok(redirect(&request.origin, next.as_str(), cookie.into_iter().collect()))
    }

    /// `/ui/sign-out`: the origin and the form token were checked.
    fn sign_out(&self, request: &SignInRequest) -> SignInResponse {
        if request.method != Method::POST {
            return redirect(&request.origin, NextPath::home().as_str(), Vec::new());
        }
        if let Some(visitor) = &request.visitor {
            let expires_at = second(visitor.expires_at);
            self.ended.add(visitor.session, expires_at, second(request.now));
        }
        let transport = self.transport(&request.origin);
        let cookies = transport.and_then(|transport| self.sessions.removal(transport));
        let location = format!("{}/ui/sign-in?after={SIGNED_OUT}", request.origin.prefix());
        let cookies = cookies.into_iter().collect();
        SignInResponse::Redirect { location, cookies, clears_cache: true }
    }

    fn visit<'a>(&self, request: &'a SignInRequest) -> Result<Visit<'a>, RequestError> {
        let origin = &request.origin;
        Ok(Visit {
            headers: &request.headers,
            transport: self.transport(origin).ok_or_else(failure::needs_https)?,
            redirect_uri: format!("{}/ui/callback", self.base_url(origin)),
            now: request.now,
        })
    }

    /// The URL of this server as browsers know it, without a `/` at its end.
    fn base_url(&self, origin: &RequestOrigin) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => origin.to_string(),
        }
    }

    /// The public URL is the truth where it is configured; a proxy may not say how the browser reached it.
    fn transport(&self, origin: &RequestOrigin) -> Option<Transport> {
        match &self.public_url {
            Some(url) if url.scheme() == "https" => Some(Transport::Https),
            Some(_) => Some(Transport::Loopback),
            None => Transport::of(origin),
        }
    }

    fn count_attempt(&self, request: &SignInRequest) -> Result<(), RequestError> {
        let Some(peer) = request.peer else {
            return Ok(());
        };
        let client = client_address(&request.headers, peer, &self.trusted_proxies);
        self.attempts.count(client, request.now).map_err(failure::too_many)
    }
}
