//! Verifies bearer tokens: signature, algorithm, issuer, audience, times, tenant.

use std::sync::Arc;

use flowruns_domain::TenantId;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, get_current_timestamp};
use serde::Deserialize;
use thiserror::Error;

use super::{key_set::KeySet, permission::Permission, verified::VerifiedTokens};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What a token must say.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// The claim `iss`.
    pub issuer: String,
    /// The claim `aud`.
    pub audience: String,
    /// The clock skew that `exp` and `nbf` are granted, in seconds.
    pub leeway_seconds: u64,
}

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The tenant whose rows the caller sees.
    pub tenant: TenantId,
    /// The application or person.
    pub actor: String,
    permission: Option<Permission>,
}

impl Caller {
    pub(crate) const fn new(
        tenant: TenantId,
        actor: String,
        permission: Option<Permission>,
    ) -> Self {
        Self {
            tenant,
            actor,
            permission,
        }
    }

    /// Whether the caller has a permission, or one that includes it.
    pub fn may(&self, permission: Permission) -> bool {
        self.permission >= Some(permission)
    }
}

/// Why a token is refused; the message says nothing that helps to forge one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenRefused {
    /// Malformed, wrongly signed, or of another issuer or audience.
    #[error("the token is malformed, wrongly signed, or of another issuer or audience")]
    Invalid,
    /// Past its `exp`.
    #[error("the token has expired; get a new one")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// Without a tenant.
    #[error("the token has no claim tid with the tenant's UUID")]
    NoTenant,
}

/// Verifies tokens of one issuer, each once: afterwards it is known until it expires.
pub struct TokenVerifier {
    keys: KeySet,
    expectations: Expectations,
    verified: VerifiedTokens,
}

#[derive(Deserialize)]
struct Claims {
    /// RFC 7519 allows a fraction.
    exp: f64,
    tid: Option<String>,
    sub: Option<String>,
    azp: Option<String>,
    appid: Option<String>,
    oid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    scp: Option<String>,
}

impl TokenVerifier {
    /// A verifier for the keys and the name of an issuer.
    pub fn new(keys: KeySet, expectations: Expectations) -> Self {
        Self {
            keys,
            expectations,
            verified: VerifiedTokens::new(),
        }
    }

    /// Verifies a token.
    ///
    /// # Errors
    ///
    /// [`TokenRefused`]
    pub fn verify(&self, token: &str) -> Result<Arc<Caller>, TokenRefused> {
        if let Some(caller) = self.verified.caller(token, get_current_timestamp()) {
            return Ok(caller);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefused::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenRefused::Invalid)?;
        let kid = header.kid.ok_or(TokenRefused::Invalid)?;
        let (algorithm, key) = self.keys.get(&kid).ok_or(TokenRefused::Invalid)?;
        let claims = decode::<Claims>(token, key, &self.validation(*algorithm))
            .map_err(|error| refusal(&error))?
            .claims;
        // A fraction of a second is cut; `as` saturates, and an expiry that is no number was refused above.
        let until = (claims.exp as u64).saturating_add(self.expectations.leeway_seconds);
        let caller = Arc::new(caller(claims)?);
        self.verified.remember(token, &caller, until);
        Ok(caller)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let Expectations {
            issuer,
            audience,
            leeway_seconds,
        } = &self.expectations;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = *leeway_seconds;
        validation.validate_nbf = true;
        validation
    }
}

fn refusal(error: &jsonwebtoken::errors::Error) -> TokenRefused {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenRefused::Expired,
        ErrorKind::ImmatureSignature => TokenRefused::NotYetValid,
        _ => TokenRefused::Invalid,
    }
}

fn caller(claims: Claims) -> Result<Caller, TokenRefused> {
    let Claims {
        exp: _,
        tid,
        sub,
        azp,
        appid,
        oid,
        roles,
        scp,
    } = claims;
    let tenant = tid
        .and_then(|tid| tid.parse().ok())
        .ok_or(TokenRefused::NoTenant)?;
    let is_person = scp.is_some();
    let actor = if is_person {
        oid.or(sub)
    } else {
        azp.or(appid).or(oid).or(sub)
    };
    let scopes = scp.unwrap_or_default();
    let names = roles.iter().map(String::as_str).chain(scopes.split(' '));
    let permission = names.filter_map(Permission::from_name).max();
    let actor = actor.unwrap_or_else(|| "unknown".to_owned());
    Ok(Caller::new(tenant, actor, permission))
}
