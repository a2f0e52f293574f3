//! The parameter `view` of a stream: the address of a page, signed for one session.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_domain::id::TenantId;
use uuid::Uuid;

/// Bytes of a signature.
const SIGNATURE_LENGTH: usize = 16;
/// Separates these signatures from others of the same key.
const PURPOSE: &[u8] = b"flowruns dashboard view 1";

/// Signs the addresses of live pages. All servers of a deployment need the same one.
#[derive(Clone, Debug)]
pub struct ViewKey(hmac::Key);

impl ViewKey {
    /// A key from a secret of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The parameter for the page at an address. It is valid for this session of this tenant.
    pub(super) fn sign(&self, tenant: TenantId, session: Uuid, address: &str) -> String {
        let mut token = self.signature(tenant, session, address.as_bytes()).to_vec();
        token.extend_from_slice(address.as_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The address of a parameter, unless it was changed or belongs to another session.
    pub(super) fn open(&self, tenant: TenantId, session: Uuid, view: &str) -> Option<String> {
        let mut token = URL_SAFE_NO_PAD.decode(view).ok()?;
        let (signature, address) = token.split_first_chunk::<SIGNATURE_LENGTH>()?;
        let expected = self.signature(tenant, session, address);
        constant_time::verify_slices_are_equal(signature, &expected).ok()?;
        String::from_utf8(token.split_off(SIGNATURE_LENGTH)).ok()
    }

    fn signature(&self, tenant: TenantId, session: Uuid, address: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        let tenant = tenant.uuid();
        for part in [PURPOSE, tenant.as_bytes(), session.as_bytes(), address] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut signature = [0; SIGNATURE_LENGTH];
        signature.copy_from_slice(&context.sign().as_ref()[..SIGNATURE_LENGTH]);
        signature
    }
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::{fresh_tenant, fresh_uuid};

    use super::*;

    #[test]
    fn an_address_opens_only_for_the_session_and_tenant_that_it_was_signed_for() {
        let key = ViewKey::new(b"a secret");
        let (tenant, session) = (fresh_tenant(), fresh_uuid());
        let address = "/ui/runs?status=failed&since=24h";
        let view = key.sign(tenant, session, address);
        assert_eq!(key.open(tenant, session, &view).as_deref(), Some(address));
        assert_eq!(key.open(tenant, fresh_uuid(), &view), None);
        assert_eq!(key.open(fresh_tenant(), session, &view), None);
        assert_eq!(ViewKey::new(b"another").open(tenant, session, &view), None);
    }

    #[test]
    fn a_changed_or_malformed_view_does_not_open() {
        let key = ViewKey::new(b"a secret");
        let (tenant, session) = (fresh_tenant(), fresh_uuid());
        let view = key.sign(tenant, session, "/ui/runs");
        let bytes = URL_SAFE_NO_PAD.decode(&view).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(key.open(tenant, session, &changed), None, "byte {index}");
        }
        for malformed in ["", "AAAA", "not base64!", &view[1..]] {
            assert_eq!(key.open(tenant, session, malformed), None, "{malformed}");
        }
    }
}
