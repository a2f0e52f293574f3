//! Tokens that the server must reject.

use flowruns_testing::{
    issuer::LocalIssuer,
    tokens::{SigningKey, encoded},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::server::{Server, claims};

/// An issuer with a key of each kind, and an attacker with a key of the same id.
struct Fixture {
    issuer: LocalIssuer,
    ec: SigningKey,
    rsa: SigningKey,
    attacker: LocalIssuer,
    forger: SigningKey,
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self {
            issuer: LocalIssuer::start().await,
            ec: SigningKey::es256("ec"),
            rsa: SigningKey::rs256("rsa"),
            attacker: LocalIssuer::start().await,
            forger: SigningKey::es256("ec"),
        };
        fixture.issuer.publish(&[&fixture.ec, &fixture.rsa]);
        fixture.attacker.publish(&[&fixture.forger]);
        fixture
    }

    fn claims(&self) -> Value {
        claims(self.issuer.name(), "attack")
    }

    /// A token with these claims too. A claim replaces the usual one of its name; null removes it.
    fn claiming(&self, others: &Value) -> String {
        let mut claims = self.claims();
        for (name, value) in others.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.ec.token(&claims)
    }

    fn with_header(&self, key: &SigningKey, members: &Value) -> String {
        key.token_with_header(members, &self.claims())
    }

    /// The claims of a valid token with this header and signature.
    fn signed_as(&self, header: &Value, signature: &str) -> String {
        format!("{}.{}.{signature}", encoded(header), encoded(&self.claims()))
    }
}

fn wrong_claims(fixture: &Fixture) -> Vec<String> {
    let cases = [
        json!({"aud": "api://another"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"iss": fixture.attacker.name()}),
        json!({"iss": null}),
        json!({"iss": format!("{}/", fixture.issuer.name())}),
        json!({"exp": 1_000_000_000}),
        json!({"exp": null}),
        json!({"exp": "4102444800"}),
        json!({"nbf": 4_102_444_700_u64}),
        json!({"tid": null}),
        json!({"tid": "https://tenant.example/"}),
        json!({"tid": "' OR 1=1 --"}),
        json!({"padding": "x".repeat(20_000)}),
        json!({"tid": "00000000-0000-0000-0000-000000000000"}),
        json!({"tid": "1e0c5e0a4f7b4a359a5c7b0f2d7f3c55"}),
        json!({"nbf": "0"}),
        json!({"exp": -1}),
        json!({"sub": "a\u{0}b"}),
        json!({"azp": "a\nb"}),
        json!({"roles": "IndustryData-Run.Read.All"}),
    ];
    cases.iter().map(|case| fixture.claiming(case)).collect()
}

fn wrong_headers(fixture: &Fixture) -> Vec<String> {
    let keys = fixture.attacker.keys_url();
    let names = [
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": 1}),
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": keys}),
        json!({"kid": "ec' UNION SELECT 'x"}),
        json!({"kid": "k".repeat(5000)}),
        json!({"kid": "EC"}),
        json!({"crit": ["exp"]}),
        json!({"alg": "es256"}),
        json!({"alg": "RS256"}),
        json!({"kid": "rsa"}),
    ];
    let forged_headers = [
        json!({}),
        json!({"jku": keys}),
        json!({"x5u": keys}),
        json!({"jwk": fixture.forger.jwk()}),
        json!({"x5c": ["MIIB"]}),
    ];
    let own = names.iter().map(|case| fixture.with_header(&fixture.ec, case));
    let forged = forged_headers.iter().map(|case| fixture.with_header(&fixture.forger, case));
    own.chain(forged).collect()
}

fn wrong_signatures(fixture: &Fixture) -> Vec<String> {
    let es256 = json!({"alg": "ES256", "kid": "ec"});
    let good = fixture.claiming(&json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other_claims = fixture.claiming(&json!({"roles": ["IndustryData-Run.ReadWrite.All"]}));
    let header_and_claims = other_claims.rsplit_once('.').unwrap().0;
    // The public key, used as the secret of HS256.
    let public = fixture.rsa.jwk();
    let secrets = [public.to_string(), public["n"].as_str().unwrap().to_owned()];
    let mut tokens: Vec<_> = secrets
        .iter()
        .map(|secret| {
            let header = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::HS256) };
            encode(&header, &fixture.claims(), &EncodingKey::from_secret(secret.as_bytes()))
                .unwrap()
        })
        .collect();
    tokens.extend([
        fixture.signed_as(&json!({"alg": "none", "kid": "ec"}), ""),
        fixture.signed_as(&json!({"alg": "None", "kid": "ec"}), ""),
        // r = s = 0, which a careless check accepts for every message.
        fixture.signed_as(&es256, &"A".repeat(86)),
        fixture.signed_as(&es256, ""),
        signed.to_owned(),
        format!("{signed}."),
        format!("{header_and_claims}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}A"),
        json!({"payload": encoded(&fixture.claims()), "signatures": [{"protected": encoded(&es256), "signature": signature}]})
            .to_string(),
        "..".to_owned(),
        "e30.e30.e30".to_owned(),
    ]);
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_is_accepted_and_no_address_in_one_is_called() {
    let fixture = Fixture::new().await;
    let server = Server::trusting(&fixture.issuer, &[]);
    for key in [&fixture.ec, &fixture.rsa] {
        server.until_accepted(&key.token(&fixture.claims())).await;
    }
    let forged = [wrong_claims(&fixture), wrong_headers(&fixture), wrong_signatures(&fixture)];
    for token in forged.iter().flatten() {
        let response = server.get(token).await;
        assert_eq!(response.status(), 401, "{token:.300}");
        assert!(response.headers().contains_key("www-authenticate"));
        let body: Value = response.json().await.unwrap();
        let code = &body["error"]["innerError"]["code"];
        assert_eq!(code, "invalidAuthenticationToken", "{token:.300}");
    }
    assert!(fixture.attacker.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_a_minute_but_not_by_two() {
    let fixture = Fixture::new().await;
    let server = Server::trusting(&fixture.issuer, &[]);
    server.until_accepted(&fixture.ec.token(&fixture.claims())).await;
    let now = jsonwebtoken::get_current_timestamp();
    for (claims, status) in [
        (json!({"exp": now - 30}), 200),
        (json!({"exp": now - 120}), 401),
        (json!({"nbf": now + 30}), 200),
        (json!({"nbf": now + 120}), 401),
    ] {
        let token = fixture.claiming(&claims);
        assert_eq!(server.status(&token).await, status, "{claims}");
    }
}
