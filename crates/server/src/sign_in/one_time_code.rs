//! The codes that open the dashboard once: tokens of the local key for an audience of their own.

use std::sync::Arc;

use flowruns_domain::{id::TenantId, timestamp::Timestamp};
use flowruns_http::auth::{Caller, Permission, TokenError, TokenVerifier};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    as_text,
    bounded_ids::{Added, BoundedIds},
    time::second,
};
use crate::local_key::DASHBOARD_AUDIENCE;

/// Accepts each code once.
pub(super) struct OneTimeCodes {
    verifier: Arc<TokenVerifier>,
    used: BoundedIds,
    /// Codes from before are not accepted: this process does not know which of them were used.
    started_at: i64,
}

#[derive(Deserialize)]
struct CodeClaims {
    #[serde(with = "as_text")]
    jti: Uuid,
    iat: i64,
    exp: i64,
    #[serde(with = "as_text")]
    tid: TenantId,
    sub: String,
    roles: Vec<String>,
}

/// Why a code is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum UnusableCode {
    /// It was used before.
    Used,
    /// It has expired, or was made before this process started.
    TooOld,
    /// It is no code of this server, or not all of one.
    Invalid,
    /// The list of used codes is full, so this one could not be added to it.
    TooMany,
}

impl OneTimeCodes {
    /// Accepts codes that were made from now on.
    pub(super) fn new(verifier: Arc<TokenVerifier>, now: Timestamp) -> Self {
        Self { verifier, used: BoundedIds::default(), started_at: second(now) }
    }

    /// Uses up a code; the caller for whom it was made.
    ///
    /// # Errors
    ///
    /// [`UnusableCode`].
    pub(super) async fn redeem(&self, code: &str, now: Timestamp) -> Result<Caller, UnusableCode> {
        let verified = self.verifier.verify_for::<CodeClaims>(code, DASHBOARD_AUDIENCE).await;
        let CodeClaims { jti, iat, exp, tid, sub, roles } =
            verified.map_err(|error| match error {
                TokenError::Expired => UnusableCode::TooOld,
                _ => UnusableCode::Invalid,
            })?;
        if iat < self.started_at {
            return Err(UnusableCode::TooOld);
        }
        match self.used.add(jti, exp, second(now)) {
            Added::New => {}
            Added::Known => return Err(UnusableCode::Used),
            // What cannot be remembered as used is not accepted.
            Added::Full => return Err(UnusableCode::TooMany),
        }
        let permission = roles.iter().filter_map(|role| Permission::from_name(role)).max();
        Ok(Caller::new(tid, sub, permission))
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::clock::{Clock as _, SystemClock};

    use super::*;
    use crate::{local_key::LocalKey, sign_in::time::at_second};

    const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";

    struct Fixture {
        _folder: tempfile::TempDir,
        key: LocalKey,
        codes: OneTimeCodes,
    }

    fn fixture(started_at: Timestamp) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let key = LocalKey::open(folder.path()).unwrap();
        let verifier = Arc::new(key.verifier().unwrap());
        Fixture { _folder: folder, key, codes: OneTimeCodes::new(verifier, started_at) }
    }

    #[tokio::test]
    async fn a_code_gives_its_tenant_and_permission_once() {
        let now = SystemClock.now();
        let Fixture { _folder, key, codes } = fixture(now);
        let tenant = TENANT.parse().unwrap();
        let code = key.mint_code(tenant, &[Permission::ReadRuns]).unwrap();
        let caller = codes.redeem(&code, now).await.unwrap();
        assert_eq!(caller, Caller::new(tenant, "local".to_owned(), Some(Permission::ReadRuns)));
        assert_eq!(codes.redeem(&code, now).await, Err(UnusableCode::Used));
        let other = key.mint_code(tenant, &[Permission::ReadRuns]).unwrap();
        assert!(codes.redeem(&other, now).await.is_ok());
    }

    #[tokio::test]
    async fn a_code_that_cannot_be_remembered_is_not_one_that_was_used() {
        let now = SystemClock.now();
        let Fixture { _folder, key, codes } = fixture(now);
        let (this_second, in_an_hour) = (second(now), second(now) + 3600);
        let mut others = (1..).map(Uuid::from_u128);
        while codes.used.add(others.next().unwrap(), in_an_hour, this_second) != Added::Full {}
        let code = key.mint_code(TENANT.parse().unwrap(), &[Permission::ReadRuns]).unwrap();
        assert_eq!(codes.redeem(&code, now).await, Err(UnusableCode::TooMany));
    }

    #[tokio::test]
    async fn a_token_of_the_api_and_a_code_of_another_key_are_no_codes() {
        let now = SystemClock.now();
        let Fixture { _folder, key, codes } = fixture(now);
        let tenant = TENANT.parse().unwrap();
        let token = key.mint(tenant, &Permission::ALL, 600).unwrap();
        let foreign = fixture(now).key.mint_code(tenant, &Permission::ALL).unwrap();
        for code in [token.as_str(), &foreign, "", "a.b.c"] {
            assert_eq!(codes.redeem(code, now).await, Err(UnusableCode::Invalid), "{code}");
        }
    }

    #[tokio::test]
    async fn a_code_is_no_token_of_the_api() {
        let Fixture { _folder, key, codes } = fixture(SystemClock.now());
        let code = key.mint_code(TENANT.parse().unwrap(), &Permission::ALL).unwrap();
        assert!(codes.verifier.verify(&code).await.is_err());
    }

    #[tokio::test]
    async fn a_code_from_before_the_start_of_the_server_is_not_accepted() {
        let now = SystemClock.now();
        let Fixture { _folder, key, codes } = fixture(at_second(second(now) + 5).unwrap());
        let code = key.mint_code(TENANT.parse().unwrap(), &Permission::ALL).unwrap();
        assert_eq!(codes.redeem(&code, now).await, Err(UnusableCode::TooOld));
    }
}
