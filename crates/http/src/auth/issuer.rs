//! An issuer: the tokens that are accepted from it, and its keys.

use std::{borrow::Cow, sync::Arc};

use flowruns_domain::id::TenantId;

use super::{
    fetched_keys::FetchedKeys,
    key_set::{KeySet, note_usable_keys},
    token_error::VerificationError,
};

/// The placeholder for the claim `tid` in the name of an issuer that has one name for each tenant.
const TENANT: &str = "{tenantid}";

/// What the claims of a token must be.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// The claim `iss`; `{tenantid}` in it is replaced by the token's own `tid`.
    pub issuer: String,
    /// The claim `aud` must be one of these.
    pub audiences: Vec<String>,
    /// The clock skew that is allowed for `exp` and `nbf`, in seconds.
    pub leeway_seconds: u64,
}

impl TokenPolicy {
    /// Whether this is the name of the issuer for a tenant. A tenant that is not a UUID matches no template.
    pub(super) fn matches(&self, issuer: &str, tenant: Option<&str>) -> bool {
        named(&self.issuer, tenant).is_some_and(|name| name == issuer)
    }
}

/// The name that a template gives for a tenant.
pub(super) fn named<'a>(template: &'a str, tenant: Option<&str>) -> Option<Cow<'a, str>> {
    if !template.contains(TENANT) {
        return Some(Cow::Borrowed(template));
    }
    let tenant = tenant.filter(|tenant| tenant.parse::<TenantId>().is_ok())?;
    Some(Cow::Owned(template.replace(TENANT, tenant)))
}

/// An issuer and its keys.
pub struct Issuer {
    pub(super) policy: TokenPolicy,
    keys: IssuerKeys,
}

enum IssuerKeys {
    Fixed(Arc<KeySet>),
    Fetched(FetchedKeys),
}

impl Issuer {
    /// An issuer whose keys never change.
    pub fn with_fixed_keys(policy: TokenPolicy, keys: KeySet) -> Self {
        note_usable_keys(&policy.issuer, keys.usable_keys());
        let keys = IssuerKeys::Fixed(Arc::new(keys));
        Self { policy, keys }
    }

    /// An issuer whose keys are fetched and refreshed.
    pub const fn with_fetched_keys(policy: TokenPolicy, keys: FetchedKeys) -> Self {
        let keys = IssuerKeys::Fetched(keys);
        Self { policy, keys }
    }

    /// The key set that has this key. An unknown key makes the issuer be asked again, as often as its options allow.
    pub(super) async fn keys_with(&self, kid: &str) -> Result<Arc<KeySet>, VerificationError> {
        match &self.keys {
            IssuerKeys::Fixed(keys) => holding(kid, Some(Arc::clone(keys)))
                .ok_or_else(|| VerificationError::UnknownKey(kid.to_owned())),
            IssuerKeys::Fetched(fetched) => {
                if let Some(keys) = holding(kid, fetched.current()) {
                    return Ok(keys);
                }
                let is_fresh = fetched.refreshed().await;
                let keys = holding(kid, fetched.current());
                keys.ok_or_else(|| match is_fresh {
                    true => VerificationError::UnknownKey(kid.to_owned()),
                    false => VerificationError::KeysUnavailable(kid.to_owned()),
                })
            }
        }
    }
}

fn holding(kid: &str, keys: Option<Arc<KeySet>>) -> Option<Arc<KeySet>> {
    keys.filter(|keys| keys.get(kid).is_some())
}
