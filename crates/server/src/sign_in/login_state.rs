//! What must be remembered between sending a browser to the issuer and its return: sealed in a cookie, so that the callback is
//! bound to the browser, and no server keeps anything.

use axum::http::{HeaderMap, HeaderValue};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::RequestError;
use serde::{Deserialize, Serialize};

use super::{
    cookie::{self, Transport},
    next_path::NextPath,
    random,
    sealed::SealingKey,
    time::second,
};
use crate::shared_secret::SharedSecret;

const LABEL: &str = "flowruns sign-in 1";
/// The cookies of the attempts of a browser begin with this name; the beginning of the state makes each a cookie of its own, so
/// that several tabs can sign in at the same time.
const COOKIE_PREFIX: &str = "flowruns-sign-in-";
const SUFFIX_CHARS: usize = 8;
/// How long an attempt may take, in seconds.
const LIFETIME: u32 = 600;
/// How many attempts a browser may have at the same time: their cookies are sent with each request.
const MAX_ATTEMPTS: usize = 4;

/// An attempt to sign in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct LoginState {
    /// Sent to the issuer and back; 128 random bits.
    #[serde(rename = "s")]
    pub(super) state: String,
    /// Comes back in the ID token; 128 random bits.
    #[serde(rename = "o")]
    pub(super) nonce: String,
    /// The secret of the proof key (RFC 7636); 256 random bits.
    #[serde(rename = "v")]
    pub(super) code_verifier: String,
    #[serde(rename = "x")]
    next: String,
    /// In seconds since 1970.
    #[serde(rename = "b")]
    began_at: i64,
    /// Whether the issuer was asked to show nothing (`prompt=none`).
    #[serde(rename = "r")]
    pub(super) is_silent: bool,
}

impl LoginState {
    pub(super) fn new(
        next: &NextPath,
        is_silent: bool,
        now: Timestamp,
    ) -> Result<Self, RequestError> {
        Ok(Self {
            state: random::text::<16>()?,
            nonce: random::text::<16>()?,
            code_verifier: random::text::<32>()?,
            next: next.to_string(),
            began_at: second(now),
            is_silent,
        })
    }

    /// Where the person wants to go.
    pub(super) fn next(&self) -> NextPath {
        NextPath::or_home(Some(&self.next))
    }

    fn is_current(&self, now: Timestamp) -> bool {
        let age = second(now) - self.began_at;
        // The clocks of two servers may differ a little.
        (-60..i64::from(LIFETIME)).contains(&age)
    }
}

/// Seals attempts into cookies and reads them.
pub(super) struct LoginStates(SealingKey);

impl LoginStates {
    pub(super) fn new(secret: &SharedSecret) -> anyhow::Result<Self> {
        SealingKey::new(secret, LABEL).map(Self)
    }

    /// The cookie of an attempt, and the removal of older ones beyond [`MAX_ATTEMPTS`].
    pub(super) fn cookies(
        &self,
        attempt: &LoginState,
        headers: &HeaderMap,
        transport: Transport,
    ) -> Option<Vec<HeaderValue>> {
        let content = serde_json::to_vec(attempt).ok()?;
        let name = cookie_name(&attempt.state)?;
        let sealed = self.0.seal(&transport.name(&name), &content)?;
        let mut cookies = vec![transport.set(&name, &sealed, Some(LIFETIME))?];
        let prefix = transport.name(COOKIE_PREFIX);
        let mut others: Vec<(i64, &str)> = cookie::pairs(headers)
            .filter_map(|(name, value)| {
                let suffix = name.strip_prefix(&prefix)?;
                let attempt = self.read(name, value);
                Some((attempt.map_or(i64::MIN, |attempt| attempt.began_at), suffix))
            })
            .collect();
        others.sort_unstable();
        let surplus = others.len().saturating_sub(MAX_ATTEMPTS - 1);
        let removed = others.iter().take(surplus).filter_map(|(_, suffix)| {
            is_suffix(suffix).then(|| transport.remove(&format!("{COOKIE_PREFIX}{suffix}")))?
        });
        cookies.extend(removed);
        Some(cookies)
    }

    /// The attempt of this browser to which a callback belongs, if it is not too old.
    pub(super) fn find(
        &self,
        state: &str,
        headers: &HeaderMap,
        transport: Transport,
        now: Timestamp,
    ) -> Option<LoginState> {
        let name = transport.name(&cookie_name(state)?);
        let mut attempts =
            cookie::values(headers, &name).filter_map(|value| self.read(&name, value));
        attempts.find(|attempt| attempt.state == state && attempt.is_current(now))
    }

    /// Makes the browser forget an attempt, so that its callback is accepted once.
    pub(super) fn removal(state: &str, transport: Transport) -> Option<HeaderValue> {
        transport.remove(&cookie_name(state)?)
    }

    fn read(&self, name: &str, value: &str) -> Option<LoginState> {
        serde_json::from_slice(&self.0.open(name, value)?).ok()
    }
}

/// The name of the cookie of an attempt; `None` if this is no state of ours.
fn cookie_name(state: &str) -> Option<String> {
    let suffix = state.get(..SUFFIX_CHARS).filter(|suffix| is_suffix(suffix))?;
    Some(format!("{COOKIE_PREFIX}{suffix}"))
}

fn is_suffix(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == SUFFIX_CHARS && text.bytes().all(is_base64url)
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;
    use crate::sign_in::time::at_second;

    fn states(secret: &[u8]) -> LoginStates {
        LoginStates::new(&SharedSecret::new(secret.to_vec())).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        at_second(seconds).unwrap()
    }

    fn attempt(began_at: i64) -> LoginState {
        let next = NextPath::parse("/ui/runs?status=failed").unwrap();
        LoginState::new(&next, false, at(began_at)).unwrap()
    }

    /// The name and the value of a cookie that is set.
    fn pair(cookie: &HeaderValue) -> String {
        cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn request(pairs: &[String]) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap())])
    }

    #[test]
    fn an_attempt_is_found_by_its_state_in_its_browser_for_ten_minutes() {
        let states = states(b"secret");
        let (first, second) = (attempt(1_000), attempt(1_000));
        let cookies = [&first, &second].map(|attempt| {
            let set = states.cookies(attempt, &HeaderMap::new(), Transport::Https).unwrap();
            assert!(set[0].to_str().unwrap().contains("; Max-Age=600"));
            pair(&set[0])
        });
        let headers = request(&cookies);
        let find = |state: &str, headers: &HeaderMap, now: i64| {
            states.find(state, headers, Transport::Https, at(now))
        };
        assert_eq!(find(&first.state, &headers, 1_599), Some(first.clone()));
        assert_eq!(find(&second.state, &headers, 1_000), Some(second.clone()));
        assert_eq!(find(&first.state, &headers, 1_600), None);
        assert_eq!(find(&first.state, &HeaderMap::new(), 1_000), None);
        let mixed = format!("{}{}", &first.state[..8], &second.state[8..]);
        for other in [mixed.as_str(), "", "short", "\u{e4}\u{e4}\u{e4}\u{e4}"] {
            assert_eq!(find(other, &headers, 1_000), None, "{other}");
        }
        assert_eq!(first.next().as_str(), "/ui/runs?status=failed");
    }

    #[test]
    fn an_attempt_of_another_secret_or_transport_is_not_found() {
        let attempt = attempt(1_000);
        let cookies = states(b"old").cookies(&attempt, &HeaderMap::new(), Transport::Https);
        let headers = request(&[pair(&cookies.unwrap()[0])]);
        let found = states(b"new").find(&attempt.state, &headers, Transport::Https, at(1_000));
        assert_eq!(found, None);
        let found = states(b"old").find(&attempt.state, &headers, Transport::Loopback, at(1_000));
        assert_eq!(found, None);
    }

    #[test]
    fn the_oldest_attempts_are_removed_when_a_browser_has_too_many() {
        let states = states(b"secret");
        let mut pairs = Vec::new();
        let mut attempts = Vec::new();
        for began_at in [1_005, 1_001, 1_002, 1_003] {
            let attempt = attempt(began_at);
            let set = states.cookies(&attempt, &HeaderMap::new(), Transport::Https).unwrap();
            pairs.push(pair(&set[0]));
            attempts.push(attempt);
        }
        pairs.push("__Host-flowruns-sign-in-unknown1=x".to_owned());
        let set = states.cookies(&attempt(1_006), &request(&pairs), Transport::Https).unwrap();
        let removed = set[1..].iter().map(pair).collect::<Vec<_>>();
        let expected = ["unknown1", &attempts[1].state[..8]];
        assert_eq!(removed, expected.map(|suffix| format!("__Host-flowruns-sign-in-{suffix}=")));
    }

    #[test]
    fn no_two_attempts_have_a_value_in_common() {
        let (a, b) = (attempt(0), attempt(0));
        assert!(a.state != b.state && a.nonce != b.nonce && a.code_verifier != b.code_verifier);
        assert!(a.state != a.nonce && a.code_verifier.len() == 43);
    }

    #[test]
    fn the_longest_address_fits_into_the_cookie() {
        let next = NextPath::parse(&format!("/ui?name={}", "%".repeat(1_791))).unwrap();
        let longest = LoginState::new(&next, true, at(1_000)).unwrap();
        let set = states(b"secret").cookies(&longest, &HeaderMap::new(), Transport::Https).unwrap();
        assert!(set[0].len() <= 4096, "{}", set[0].len());
    }
}
