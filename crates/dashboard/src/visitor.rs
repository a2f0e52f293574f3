//! Who looks at the pages. The server implements [`Gate`]: sessions, sign-in with an issuer, one-time links.

use std::net::IpAddr;

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderValue, Method};
use bytes::Bytes;
use flowruns_domain::{id::TenantId, timestamp::Timestamp};
use flowruns_http::{
    RequestError, RequestOrigin,
    auth::{Caller, Permission},
};
use uuid::Uuid;

/// A person with a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Visitor {
    /// The tenant whose rows the person sees.
    pub tenant: TenantId,
    /// The identity, as the history of runs names it.
    pub actor: String,
    /// The name that the pages show.
    pub name: String,
    /// What the person may do; at least to read.
    pub permission: Permission,
    /// The end of the session.
    pub expires_at: Timestamp,
    /// The id of the session.
    pub session: Uuid,
}

impl Visitor {
    /// Whether the person has a permission, or one that includes it.
    pub fn may(&self, permission: Permission) -> bool {
        self.permission >= permission
    }

    /// The person as a caller of its own, for admission.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(self.tenant, self.actor.clone(), Some(self.permission))
    }
}

/// The request has no valid session. A page redirects to `/ui/sign-in` with its own address as `next`; other responses are 401.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotSignedIn {
    /// No session was sent, or one that this service did not make.
    NoSession,
    /// The session has expired. The issuer may still know the person, so that the sign-in needs no input.
    Expired,
}

/// Says who sent a request, and signs people in and out.
#[async_trait]
pub trait Gate: Send + Sync + 'static {
    /// Who sent a request, from its cookie.
    ///
    /// # Errors
    ///
    /// [`NotSignedIn`] without a valid session.
    fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Result<Visitor, NotSignedIn>;

    /// The value that the forms of this session carry against cross-site request forgery. It is the same for all pages of a
    /// session, so that a page whose content is the same has the same bytes.
    fn form_token(&self, visitor: &Visitor) -> String;

    /// Whether a form carries the value of this session; compared in constant time.
    fn is_form_token(&self, visitor: &Visitor, token: &str) -> bool;

    /// Responds to a request for `/ui/sign-in`, `/ui/callback`, `/ui/open` or `/ui/sign-out`. The host was checked, and for
    /// POST the origin and, when there is a visitor, the form token.
    ///
    /// # Errors
    ///
    /// A failure, which is shown as a page.
    async fn respond(&self, request: SignInRequest) -> Result<SignInResponse, RequestError>;
}

/// One of the addresses that the [`Gate`] responds to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VisitorPath {
    /// GET `/ui/sign-in`: shows how to sign in, or begins it. A link begins it, not a form: `form-action 'self'` of the pages
    /// forbids a form whose response redirects to the issuer.
    SignIn,
    /// GET `/ui/callback`: the issuer sent the browser back.
    Callback,
    /// GET `/ui/open`: a one-time link.
    Open,
    /// POST `/ui/sign-out`.
    SignOut,
}

/// A request that concerns the session itself.
#[derive(Clone, Debug)]
pub struct SignInRequest {
    /// The address without prefix and query.
    pub path: VisitorPath,
    /// GET or POST.
    pub method: Method,
    /// The query, as sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: empty, or a form of at most 8 KiB.
    pub form: Bytes,
    /// Scheme, host and path prefix that the browser used.
    pub origin: RequestOrigin,
    /// The address of the client, or of the last proxy.
    pub peer: Option<IpAddr>,
    /// Whose session was sent, if it is valid.
    pub visitor: Option<Visitor>,
    /// The time of the request.
    pub now: Timestamp,
}

/// What the [`Gate`] responds.
#[derive(Clone, Debug)]
pub enum SignInResponse {
    /// 303 to an address.
    Redirect {
        /// Absolute, or a path with the prefix of the [origin](SignInRequest::origin).
        location: String,
        /// The values of Set-Cookie.
        cookies: Vec<HeaderValue>,
        /// Whether the browser must forget the pages that it keeps.
        clears_cache: bool,
    },
    /// The page that offers the sign-in.
    Page(SignInPage),
}

/// The page that offers the sign-in.
#[derive(Clone, Debug)]
pub struct SignInPage {
    /// The path and query below the prefix to which the person returns, such as `/ui/runs`.
    pub next: String,
    /// The link that begins the sign-in with the issuer. Without one the page explains the one-time link.
    pub start: Option<SignInLink>,
    /// What happened before.
    pub message: Option<SignInMessage>,
    /// The address of the issuer at which a person who has signed out here signs out there too. A link, for the same reason
    /// as [`VisitorPath::SignIn`].
    pub sign_out: Option<String>,
}

/// The link that begins the sign-in with an issuer.
#[derive(Clone, Debug)]
pub struct SignInLink {
    /// The host of the issuer, such as `login.microsoftonline.com`.
    pub host: String,
    /// The address, below the prefix, such as `/ui/sign-in?next=/ui/runs&begin=1`.
    pub address: String,
}

/// What happened before the sign-in page is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignInMessage {
    /// The person signed out.
    SignedOut,
    /// The one-time link was used before.
    LinkUsed,
    /// The one-time link has expired, or was made before the server started.
    LinkTooOld,
    /// The one-time link is none of this server, or not a whole one.
    LinkInvalid,
    /// The server's list of used one-time links is full, so this one was not accepted.
    TooManyLinks,
    /// The sign-in took too long, or began in another browser.
    StateLost,
    /// The issuer did not sign the person in.
    Declined,
    /// The session has expired.
    Expired,
}
