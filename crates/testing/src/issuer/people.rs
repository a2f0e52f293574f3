//! The pages at which an issuer signs people in: OpenID Connect, authorization code with a proof key. A person who opens the page is
//! signed in at once, without input.

use std::{collections::HashMap, sync::Mutex};

use aws_lc_rs::digest;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::{IssuerResponse, lock};
use crate::tokens::SigningKey;

/// The page to which browsers are sent.
pub const AUTHORIZATION_PATH: &str = "/authorize";
/// Where codes are exchanged for tokens.
pub const TOKEN_PATH: &str = "/token";
/// The page at which people sign out.
pub const END_SESSION_PATH: &str = "/logout";

/// How an issuer signs people in.
pub struct People {
    /// Signs both tokens.
    pub key: SigningKey,
    /// The application that people sign in to.
    pub client_id: String,
    /// Its secret, which it must send in the header Authorization; none for a public client.
    pub client_secret: Option<String>,
    /// The claims of the access token, besides `iss` and `exp`.
    pub access: Value,
    /// The claims of the ID token; they replace the usual ones.
    pub identity: Value,
    /// How long both tokens are valid, in seconds.
    pub lifetime: u64,
    /// The error with which each person is sent back, instead of a code.
    pub error: Option<String>,
    /// The error with which a person is sent back if no page may be shown (`prompt=none`).
    pub silent_error: Option<String>,
    /// The value of `iss` in responses (RFC 9207), if they have it.
    pub named: Option<String>,
    /// The response to every code, instead of tokens.
    pub token_response: Option<IssuerResponse>,
}

/// The codes that were given and not yet exchanged.
#[derive(Default)]
pub(super) struct Codes {
    given: HashMap<String, Authorization>,
    count: usize,
}

/// What a code was given for.
struct Authorization {
    challenge: String,
    nonce: String,
    redirect_uri: String,
}

/// Names and values of a query or a form.
struct Fields(HashMap<String, String>);

impl Fields {
    fn of(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl People {
    /// Signs people of a tenant in to a public client with these scopes, for an hour.
    pub fn new(
        key: SigningKey,
        client_id: &str,
        audience: &str,
        tenant: &str,
        scopes: &str,
    ) -> Self {
        Self {
            key,
            client_id: client_id.to_owned(),
            client_secret: None,
            access: json!({"aud": audience, "tid": tenant, "oid": "person", "scp": scopes}),
            identity: json!({"name": "Ada Lovelace"}),
            lifetime: 3600,
            error: None,
            silent_error: None,
            named: None,
            token_response: None,
        }
    }

    /// The members of the discovery document.
    pub(super) fn document(&self, origin: &str) -> Value {
        json!({
            "issuer": origin,
            "jwks_uri": format!("{origin}{}", super::KEYS_PATH),
            "authorization_endpoint": format!("{origin}{AUTHORIZATION_PATH}"),
            "token_endpoint": format!("{origin}{TOKEN_PATH}"),
            "end_session_endpoint": format!("{origin}{END_SESSION_PATH}"),
            "authorization_response_iss_parameter_supported": self.named.is_some(),
        })
    }

    /// Sends a browser back with a code or an error.
    pub(super) fn authorize(&self, query: &str, codes: &Mutex<Codes>) -> IssuerResponse {
        let asked = Fields::of(query.as_bytes());
        let is_complete = asked.get("response_type") == "code"
            && asked.get("client_id") == self.client_id
            && asked.get("code_challenge_method") == "S256"
            && ["state", "nonce", "code_challenge"].iter().all(|name| !asked.get(name).is_empty())
            && asked.get("scope").split(' ').any(|scope| scope == "openid");
        if !is_complete {
            return IssuerResponse::Status(400);
        }
        let is_silent = asked.get("prompt") == "none";
        let error = self.silent_error.as_ref().filter(|_| is_silent).or(self.error.as_ref());
        let mut back = form_urlencoded::Serializer::new(String::new());
        back.append_pair("state", asked.get("state"));
        match error {
            Some(error) => back.append_pair("error", error),
            None => back.append_pair("code", &lock(codes).give(&asked)),
        };
        if let Some(name) = &self.named {
            back.append_pair("iss", name);
        }
        IssuerResponse::Redirect(format!("{}?{}", asked.get("redirect_uri"), back.finish()))
    }

    /// Gives an application its token, or exchanges a code. Each is accepted once, with the verifier and the redirect URI that belong to it.
    pub(super) fn exchange(
        &self,
        origin: &str,
        credentials: Option<&str>,
        form: &[u8],
        codes: &Mutex<Codes>,
    ) -> IssuerResponse {
        if let Some(response) = &self.token_response {
            return response.clone();
        }
        let sent = Fields::of(form);
        if !self.is_client(credentials, &sent) {
            return rejection("invalid_client");
        }
        if sent.get("grant_type") == "client_credentials" {
            return IssuerResponse::Json(self.application_token(origin));
        }
        let Some(given) = lock(codes).given.remove(sent.get("code")) else {
            return rejection("invalid_grant");
        };
        let verifier = digest::digest(&digest::SHA256, sent.get("code_verifier").as_bytes());
        let is_right = URL_SAFE_NO_PAD.encode(verifier) == given.challenge
            && sent.get("redirect_uri") == given.redirect_uri
            && sent.get("grant_type") == "authorization_code";
        match is_right {
            true => IssuerResponse::Json(self.tokens(origin, &given.nonce)),
            false => rejection("invalid_grant"),
        }
    }

    fn is_client(&self, credentials: Option<&str>, sent: &Fields) -> bool {
        match &self.client_secret {
            Some(secret) => {
                let expected = STANDARD.encode(format!("{}:{secret}", self.client_id));
                credentials == Some(&format!("Basic {expected}"))
            }
            None => sent.get("client_id") == self.client_id,
        }
    }

    fn tokens(&self, origin: &str, nonce: &str) -> Value {
        let exp = get_current_timestamp() + self.lifetime;
        let usual = json!({
            "iss": origin, "aud": self.client_id, "exp": exp, "sub": "person", "nonce": nonce,
        });
        let identity = self.key.token(&with(usual, &self.identity));
        with(self.application_token(origin), &json!({"id_token": identity}))
    }

    /// The access token alone, which is all that an application gets.
    fn application_token(&self, origin: &str) -> Value {
        let exp = get_current_timestamp() + self.lifetime;
        let access = with(json!({"iss": origin, "exp": exp, "sub": "person"}), &self.access);
        json!({
            "access_token": self.key.token(&access),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        })
    }
}

impl Codes {
    fn give(&mut self, asked: &Fields) -> String {
        self.count += 1;
        let code = format!("code-{}", self.count);
        let authorization = Authorization {
            challenge: asked.get("code_challenge").to_owned(),
            nonce: asked.get("nonce").to_owned(),
            redirect_uri: asked.get("redirect_uri").to_owned(),
        };
        self.given.insert(code.clone(), authorization);
        code
    }
}

/// Claims in which others replace those of the same name; null removes a claim.
fn with(mut claims: Value, others: &Value) -> Value {
    for (name, value) in others.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}

/// RFC 6749, section 5.2.
fn rejection(error: &str) -> IssuerResponse {
    IssuerResponse::JsonWithStatus(400, json!({"error": error, "error_description": "for a test"}))
}
