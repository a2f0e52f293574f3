//! An issuer: whose tokens are taken, and with which keys.

use std::{borrow::Cow, sync::Arc};

use flowruns_domain::TenantId;

use super::{
    fetched_keys::FetchedKeys,
    key_set::{KeySet, note_usable_keys},
    refusal::Refusal,
};

/// Stands for the claim `tid` in the name of an issuer that has one name for each tenant.
const TENANT: &str = "{tenantid}";

/// What a token must say.
#[derive(Clone, Debug)]
pub struct Expectations {
    /// The claim `iss`; `{tenantid}` in it stands for the token's own `tid`.
    pub issuer: String,
    /// The claim `aud`: one of these.
    pub audiences: Vec<String>,
    /// The clock skew that `exp` and `nbf` are granted, in seconds.
    pub leeway_seconds: u64,
}

impl Expectations {
    /// Whether an issuer's name is the one that is expected. A tenant that is no UUID fits no template.
    pub(super) fn fits(&self, issuer: &str, tenant: Option<&str>) -> bool {
        named(&self.issuer, tenant).is_some_and(|name| name == issuer)
    }
}

/// A template's name for a tenant.
pub(super) fn named<'a>(template: &'a str, tenant: Option<&str>) -> Option<Cow<'a, str>> {
    if !template.contains(TENANT) {
        return Some(Cow::Borrowed(template));
    }
    let tenant = tenant.filter(|tenant| tenant.parse::<TenantId>().is_ok())?;
    Some(Cow::Owned(template.replace(TENANT, tenant)))
}

/// An issuer and its keys.
pub struct Issuer {
    pub(super) expectations: Expectations,
    keys: IssuerKeys,
}

enum IssuerKeys {
    Fixed(Arc<KeySet>),
    Fetched(FetchedKeys),
}

impl Issuer {
    /// An issuer whose keys never change.
    pub fn with_fixed_keys(expectations: Expectations, keys: KeySet) -> Self {
        note_usable_keys(&expectations.issuer, keys.usable_keys());
        let keys = IssuerKeys::Fixed(Arc::new(keys));
        Self { expectations, keys }
    }

    /// An issuer whose keys are fetched, and fetched again.
    pub const fn with_fetched_keys(expectations: Expectations, keys: FetchedKeys) -> Self {
        let keys = IssuerKeys::Fetched(keys);
        Self { expectations, keys }
    }

    /// The key set that has this key; an unknown one is asked of the issuer, as often as its options allow.
    pub(super) async fn keys_with(&self, kid: &str) -> Result<Arc<KeySet>, Refusal> {
        match &self.keys {
            IssuerKeys::Fixed(keys) => holding(kid, Some(Arc::clone(keys)))
                .ok_or_else(|| Refusal::UnknownKey(kid.to_owned())),
            IssuerKeys::Fetched(fetched) => {
                if let Some(keys) = holding(kid, fetched.current()) {
                    return Ok(keys);
                }
                let is_fresh = fetched.refreshed().await;
                let keys = holding(kid, fetched.current());
                keys.ok_or_else(|| match is_fresh {
                    true => Refusal::UnknownKey(kid.to_owned()),
                    false => Refusal::KeysUnavailable(kid.to_owned()),
                })
            }
        }
    }
}

fn holding(kid: &str, keys: Option<Arc<KeySet>>) -> Option<Arc<KeySet>> {
    keys.filter(|keys| keys.get(kid).is_some())
}
