//! The caller of a request, from the claims of its token.

use flowruns_domain::id::TenantId;
use serde::Deserialize;

use super::{permission::Permission, token_error::VerificationError};

/// The longest name of a caller, in characters; OpenID Connect bounds `sub` at 255.
const MAX_ACTOR_CHARS: usize = 256;

/// The caller of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The tenant whose rows the caller sees.
    pub tenant: TenantId,
    /// The application or person: at most 256 characters, none of them a control character, since it is stored with each
    /// change and PostgreSQL stores no U+0000.
    pub actor: String,
    permission: Option<Permission>,
}

/// The claims that are read from a token; none is trusted before the signature is verified.
#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    /// RFC 7519 allows a fraction.
    pub(super) exp: f64,
    pub(super) tid: Option<String>,
    sub: Option<String>,
    azp: Option<String>,
    appid: Option<String>,
    oid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    scp: Option<String>,
}

impl Caller {
    /// A caller who was authenticated in another way than by a token with each request, such as by a session.
    pub const fn new(tenant: TenantId, actor: String, permission: Option<Permission>) -> Self {
        Self { tenant, actor, permission }
    }

    /// Whether the caller has a permission, or one that includes it.
    pub fn may(&self, permission: Permission) -> bool {
        self.permission >= Some(permission)
    }

    pub(super) fn from_claims(claims: Claims) -> Result<Self, VerificationError> {
        let Claims { iss: _, exp: _, tid, sub, azp, appid, oid, roles, scp } = claims;
        let tenant = tid.and_then(|tid| tid.parse().ok()).ok_or(VerificationError::NoTenant)?;
        let is_person = scp.is_some();
        let names = if is_person { [oid, sub, None, None] } else { [azp, appid, oid, sub] };
        let actor = names.into_iter().flatten().find(|name| !name.is_empty());
        if actor.as_deref().is_some_and(|name| !is_usable(name)) {
            return Err(VerificationError::UnusableActor);
        }
        let scopes = scp.unwrap_or_default();
        let names = roles.iter().map(String::as_str).chain(scopes.split(' '));
        Ok(Self {
            tenant,
            actor: actor.unwrap_or_else(|| "unknown".to_owned()),
            permission: names.filter_map(Permission::from_name).max(),
        })
    }
}

/// A name is rejected rather than changed: two callers must never share one name in the history.
fn is_usable(name: &str) -> bool {
    name.chars().count() <= MAX_ACTOR_CHARS && !name.chars().any(char::is_control)
}
