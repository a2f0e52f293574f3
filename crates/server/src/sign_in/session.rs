//! The session of a person, as its cookie holds it.

use axum::http::{HeaderMap, HeaderValue};
use flowruns_dashboard::{NotSignedIn, Visitor};
use flowruns_domain::{id::TenantId, timestamp::Timestamp};
use flowruns_http::auth::{Caller, Permission};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    as_text,
    cookie::{self, Transport},
    sealed::SealingKey,
    time::{at_second, second},
};
use crate::shared_secret::SharedSecret;

/// The beginning of the name of the cookie, without the prefix of its transport.
const COOKIE: &str = "flowruns-session-";
const COOKIE_LABEL: &str = "flowruns session cookie 1";
/// How many bytes of the derived id are in the name.
const COOKIE_ID_BYTES: usize = 4;
const LABEL: &str = "flowruns session 1";
/// The longest name that is shown, in characters. With it and the longest actor a session needs half of a cookie.
const MAX_NAME_CHARS: usize = 100;

/// Seals sessions into cookies and reads them.
pub(super) struct Sessions {
    key: SealingKey,
    /// The name of the cookie. It depends on the secret: browsers send a cookie to all ports of a host, and servers of different
    /// secrets on one host would overwrite each other's session.
    cookie: String,
}

/// What a cookie holds. Its members have short names, since the cookie is sent with each request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Session {
    #[serde(rename = "t", with = "as_text")]
    tenant: TenantId,
    #[serde(rename = "a")]
    actor: String,
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "p")]
    permission: String,
    /// In seconds since 1970.
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "i", with = "as_text")]
    pub(super) id: Uuid,
}

impl Session {
    /// A new session of a caller whose token was verified; `None` if the caller may not even read.
    pub(super) fn of(caller: &Caller, name: &str, expires_at: i64, id: Uuid) -> Option<Self> {
        let held = Permission::ALL.into_iter().rfind(|permission| caller.may(*permission))?;
        Some(Self {
            tenant: caller.tenant,
            actor: caller.actor.clone(),
            name: shown(name).unwrap_or_else(|| caller.actor.clone()),
            permission: held.name().to_owned(),
            expires_at,
            id,
        })
    }

    /// Whether both sessions have the same tenant and actor.
    pub(super) fn is_of_same_person(&self, other: &Self) -> bool {
        (self.tenant, &self.actor) == (other.tenant, &other.actor)
    }

    fn visitor(&self) -> Option<Visitor> {
        Some(Visitor {
            tenant: self.tenant,
            actor: self.actor.clone(),
            name: self.name.clone(),
            permission: Permission::from_name(&self.permission)?,
            expires_at: at_second(self.expires_at)?,
            session: self.id,
        })
    }
}

/// A name that can be shown in one line; `None` if nothing is left of it.
fn shown(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.chars().take(MAX_NAME_CHARS).collect())
}

impl Sessions {
    pub(super) fn new(secret: &SharedSecret) -> anyhow::Result<Self> {
        let id = secret.key_for(COOKIE_LABEL)?;
        let id: String = id[..COOKIE_ID_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key: SealingKey::new(secret, LABEL)?, cookie: format!("{COOKIE}{id}") })
    }

    /// The cookie of a session; `None` if it is too long, which no session of [`Session::of`] is.
    pub(super) fn cookie(&self, session: &Session, transport: Transport) -> Option<HeaderValue> {
        let content = serde_json::to_vec(session).ok()?;
        let sealed = self.key.seal(&transport.name(&self.cookie), &content)?;
        transport.set(&self.cookie, &sealed, None)
    }

    pub(super) fn removal(&self, transport: Transport) -> Option<HeaderValue> {
        transport.remove(&self.cookie)
    }

    /// Who sent a request.
    pub(super) fn visitor(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Visitor, NotSignedIn> {
        let mut rejection = NotSignedIn::NoSession;
        for visitor in self.sent(headers).filter_map(|session| session.visitor()) {
            if now < visitor.expires_at {
                return Ok(visitor);
            }
            rejection = NotSignedIn::Expired;
        }
        Err(rejection)
    }

    /// The session of a request that has expired, if it has no other.
    pub(super) fn expired(&self, headers: &HeaderMap, now: Timestamp) -> Option<Session> {
        let sessions: Vec<_> = self.sent(headers).collect();
        let is_valid = |session: &Session| second(now) < session.expires_at;
        (!sessions.iter().any(is_valid)).then(|| sessions.into_iter().next())?
    }

    /// The sessions that a request carries and that this deployment has made.
    fn sent<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Session> + 'a {
        Transport::possible(headers).flat_map(move |transport| {
            let name = transport.name(&self.cookie);
            let values: Vec<&str> = cookie::values(headers, &name).collect();
            values
                .into_iter()
                .filter_map(move |value| serde_json::from_slice(&self.key.open(&name, value)?).ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{COOKIE as COOKIE_HEADER, HOST};

    use super::*;

    const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";

    fn sessions(secret: &[u8]) -> Sessions {
        Sessions::new(&SharedSecret::new(secret.to_vec())).unwrap()
    }

    fn session(actor: &str, name: &str) -> Session {
        let permission = Some(Permission::WriteRuns);
        let caller = Caller::new(TENANT.parse().unwrap(), actor.to_owned(), permission);
        Session::of(&caller, name, 1_000, Uuid::from_u128(7)).unwrap()
    }

    fn request(cookie: &HeaderValue, host: &'static str) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let pair = HeaderValue::from_str(pair).unwrap();
        HeaderMap::from_iter([(COOKIE_HEADER, pair), (HOST, HeaderValue::from_static(host))])
    }

    fn at(seconds: i64) -> Timestamp {
        at_second(seconds).unwrap()
    }

    #[test]
    fn a_session_says_who_sent_a_request_until_it_expires() {
        let sessions = sessions(b"secret");
        let cookie = sessions.cookie(&session("person", "Ada"), Transport::Https).unwrap();
        let headers = request(&cookie, "flows.example");
        let visitor = sessions.visitor(&headers, at(999)).unwrap();
        assert_eq!(
            visitor,
            Visitor {
                tenant: TENANT.parse().unwrap(),
                actor: "person".to_owned(),
                name: "Ada".to_owned(),
                permission: Permission::WriteRuns,
                expires_at: at(1_000),
                session: Uuid::from_u128(7),
            }
        );
        assert_eq!(sessions.expired(&headers, at(999)), None);
        assert_eq!(sessions.visitor(&headers, at(1_000)), Err(NotSignedIn::Expired));
        assert_eq!(sessions.expired(&headers, at(1_000)), Some(session("person", "Ada")));
        assert_eq!(sessions.visitor(&HeaderMap::new(), at(0)), Err(NotSignedIn::NoSession));
    }

    #[test]
    fn a_session_of_another_secret_is_none_whatever_the_name_of_its_cookie() {
        let (old, mut new) = (sessions(b"old"), sessions(b"new"));
        let cookie = old.cookie(&session("person", "Ada"), Transport::Https).unwrap();
        let headers = request(&cookie, "flows.example");
        assert_eq!(new.visitor(&headers, at(0)), Err(NotSignedIn::NoSession));
        new.cookie = old.cookie;
        assert_eq!(new.visitor(&headers, at(0)), Err(NotSignedIn::NoSession));
    }

    #[test]
    fn servers_of_different_secrets_keep_each_others_sessions() {
        let cookie = |secret| {
            let cookie = sessions(secret).cookie(&session("person", "Ada"), Transport::Loopback);
            cookie.unwrap().to_str().unwrap().split_once('=').unwrap().0.to_owned()
        };
        assert_eq!(cookie(b"one"), cookie(b"one"));
        assert_ne!(cookie(b"one"), cookie(b"another"));
    }

    #[test]
    fn a_session_of_http_on_loopback_is_none_under_another_host_or_under_the_name_of_https() {
        let sessions = sessions(b"secret");
        let cookie = sessions.cookie(&session("person", "Ada"), Transport::Loopback).unwrap();
        assert!(sessions.visitor(&request(&cookie, "127.0.0.1:8080"), at(0)).is_ok());
        let elsewhere = sessions.visitor(&request(&cookie, "flows.example"), at(0));
        assert_eq!(elsewhere, Err(NotSignedIn::NoSession));
        let renamed = format!("__Host-{}", cookie.to_str().unwrap());
        let renamed = request(&HeaderValue::from_str(&renamed).unwrap(), "127.0.0.1:8080");
        assert_eq!(sessions.visitor(&renamed, at(0)), Err(NotSignedIn::NoSession));
    }

    #[test]
    fn a_session_with_any_changed_byte_is_none() {
        let sessions = sessions(b"secret");
        let cookie = sessions.cookie(&session("person", "Ada"), Transport::Https).unwrap();
        let mut cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let start = cookie.find('=').unwrap() + 1;
        for index in start..cookie.len() {
            let original = cookie.clone();
            let other = if cookie.as_bytes()[index] == b'A' { "B" } else { "A" };
            cookie.replace_range(index..=index, other);
            let headers = request(&HeaderValue::from_str(&cookie).unwrap(), "flows.example");
            assert_eq!(sessions.visitor(&headers, at(0)), Err(NotSignedIn::NoSession), "{index}");
            cookie = original;
        }
    }

    #[test]
    fn the_longest_names_fit_into_a_cookie() {
        let longest = session(&"\u{10FFFF}".repeat(256), &"\u{10FFFF}".repeat(500));
        let cookie = sessions(b"secret").cookie(&longest, Transport::Https).unwrap();
        assert!(cookie.len() <= 4096, "{}", cookie.len());
        let escaped = session(&"\"".repeat(256), &"\\".repeat(500));
        assert!(sessions(b"secret").cookie(&escaped, Transport::Https).is_some());
    }

    #[test]
    fn a_name_without_anything_to_show_is_replaced_by_the_actor() {
        for name in ["", "  ", "\u{7}\n"] {
            assert_eq!(session("person", name).name, "person");
        }
        assert_eq!(session("person", " Ada\nLovelace ").name, "AdaLovelace");
    }

    #[test]
    fn a_caller_without_a_permission_has_no_session() {
        let caller = Caller::new(TENANT.parse().unwrap(), "person".to_owned(), None);
        assert_eq!(Session::of(&caller, "Ada", 1_000, Uuid::nil()), None);
    }
}
