//! Who asks, as the claims of a token tell.

use flowruns_domain::TenantId;
use serde::Deserialize;

use super::{permission::Permission, refusal::Refusal};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The tenant whose rows the caller sees.
    pub tenant: TenantId,
    /// The application or person.
    pub actor: String,
    permission: Option<Permission>,
}

/// What is read of a token; nothing of it is believed before its signature is verified.
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
    #[cfg(test)]
    pub(crate) const fn new(tenant: TenantId, actor: String) -> Self {
        Self {
            tenant,
            actor,
            permission: None,
        }
    }

    /// Whether the caller has a permission, or one that includes it.
    pub fn may(&self, permission: Permission) -> bool {
        self.permission >= Some(permission)
    }

    pub(super) fn from_claims(claims: Claims) -> Result<Self, Refusal> {
        let Claims {
            iss: _,
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
            .ok_or(Refusal::NoTenant)?;
        let is_person = scp.is_some();
        let actor = if is_person {
            oid.or(sub)
        } else {
            azp.or(appid).or(oid).or(sub)
        };
        let scopes = scp.unwrap_or_default();
        let names = roles.iter().map(String::as_str).chain(scopes.split(' '));
        Ok(Self {
            tenant,
            actor: actor.unwrap_or_else(|| "unknown".to_owned()),
            permission: names.filter_map(Permission::from_name).max(),
        })
    }
}
