//! The ID token: who signed in, and for which attempt.

use flowruns_domain::id::TenantId;
use serde::Deserialize;

/// The placeholder for the tenant in the name of an issuer.
const TENANT: &str = "{tenantid}";

/// The claims of an ID token whose signature, issuer, audience and times were verified.
#[derive(Debug, Deserialize)]
pub(super) struct IdClaims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl IdClaims {
    /// Checks what OpenID Connect Core 1.0, section 3.1.3.7, asks for besides the signature and the times.
    ///
    /// # Errors
    ///
    /// What is wrong, for the log.
    pub(super) fn check(
        &self,
        issuer: &str,
        client_id: &str,
        nonce: &str,
    ) -> Result<(), &'static str> {
        if !is_issuer(issuer, &self.iss) {
            return Err("it is of another issuer");
        }
        let is_only_audience = match &self.aud {
            Audience::One(audience) => audience == client_id,
            Audience::Several(audiences) => audiences.iter().all(|audience| audience == client_id),
        };
        // With several audiences `azp` must say that it was made for this application.
        match self.azp.as_deref() {
            Some(party) if party != client_id => return Err("it was made for another application"),
            None if !is_only_audience => return Err("it has several audiences and no azp"),
            Some(_) | None => {}
        }
        match self.nonce.as_deref() {
            Some(sent) if sent == nonce => Ok(()),
            Some(_) => Err("its nonce is that of another attempt"),
            None => Err("it has no nonce"),
        }
    }

    /// The name of the person; empty if the token has none.
    pub(super) fn name(&self) -> &str {
        let names = [&self.name, &self.preferred_username, &self.email];
        let mut names = names.into_iter().filter_map(Option::as_deref);
        names.find(|name| !name.trim().is_empty()).unwrap_or_default()
    }
}

/// Whether this is the name of the configured issuer, for some tenant if it has a placeholder for one.
pub(super) fn is_issuer(configured: &str, name: &str) -> bool {
    let Some((before, after)) = configured.split_once(TENANT) else {
        return configured == name;
    };
    let tenant = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    tenant.is_some_and(|tenant| tenant.parse::<TenantId>().is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://issuer.example";

    fn check(claims: &Value) -> Result<(), &'static str> {
        let mut all = json!({"iss": ISSUER, "aud": "dashboard", "nonce": "n"});
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let claims: IdClaims = serde_json::from_value(all).unwrap();
        claims.check(ISSUER, "dashboard", "n")
    }

    #[test]
    fn a_token_is_for_one_issuer_one_application_and_one_attempt() {
        assert_eq!(check(&json!({})), Ok(()));
        assert_eq!(check(&json!({"aud": ["dashboard"]})), Ok(()));
        assert_eq!(check(&json!({"aud": ["dashboard", "other"], "azp": "dashboard"})), Ok(()));
        for (claims, expected) in [
            (json!({"iss": "https://other.example"}), "another issuer"),
            (json!({"aud": ["dashboard", "other"]}), "no azp"),
            (json!({"aud": ["dashboard", "other"], "azp": "other"}), "another application"),
            (json!({"azp": "other"}), "another application"),
            (json!({"nonce": "m"}), "another attempt"),
            (json!({"nonce": null}), "no nonce"),
        ] {
            let rejection = check(&claims).unwrap_err();
            assert!(rejection.contains(expected), "{claims}: {rejection}");
        }
    }

    #[test]
    fn the_first_claim_with_a_name_is_shown() {
        let name = |claims: Value| {
            let mut all = json!({"iss": ISSUER, "aud": "dashboard"});
            for (name, value) in claims.as_object().unwrap() {
                all[name] = value.clone();
            }
            serde_json::from_value::<IdClaims>(all).unwrap().name().to_owned()
        };
        assert_eq!(name(json!({"name": "Ada", "email": "a@b"})), "Ada");
        assert_eq!(name(json!({"name": " ", "preferred_username": "ada"})), "ada");
        assert_eq!(name(json!({"email": "a@b"})), "a@b");
        assert_eq!(name(json!({})), "");
    }

    #[test]
    fn a_placeholder_stands_for_the_uuid_of_a_tenant() {
        let template = "https://issuer.example/{tenantid}/v2.0";
        let tenant = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
        assert!(is_issuer(template, &format!("https://issuer.example/{tenant}/v2.0")));
        for name in [
            "https://issuer.example/{tenantid}/v2.0",
            "https://issuer.example//v2.0",
            "https://issuer.example/common/v2.0",
            "https://evil.example/1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55/v2.0",
        ] {
            assert!(!is_issuer(template, name), "{name}");
        }
        assert!(is_issuer(ISSUER, ISSUER) && !is_issuer(ISSUER, "https://issuer.example/"));
    }
}
