//! Tokens that nobody should take.

use flowruns_testing::issuer::{LocalIssuer, SigningKey, encoded};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::site::{Server, claims};

/// An issuer with a key of each kind, and somebody else with keys of the same names.
struct Scene {
    issuer: LocalIssuer,
    ec: SigningKey,
    rsa: SigningKey,
    attacker: LocalIssuer,
    forger: SigningKey,
}

impl Scene {
    async fn new() -> Self {
        let scene = Self {
            issuer: LocalIssuer::start().await,
            ec: SigningKey::es256("ec"),
            rsa: SigningKey::rs256("rsa"),
            attacker: LocalIssuer::start().await,
            forger: SigningKey::es256("ec"),
        };
        scene.issuer.publish(&[&scene.ec, &scene.rsa]);
        scene.attacker.publish(&[&scene.forger]);
        scene
    }

    fn claims(&self) -> Value {
        claims(self.issuer.name(), "attack")
    }

    /// With some claims more, or others, or null for none.
    fn claiming(&self, others: &Value) -> String {
        let mut claims = self.claims();
        for (name, value) in others.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        self.ec.token(&claims)
    }

    fn with_header(&self, key: &SigningKey, members: &Value) -> String {
        key.token_with_header(members, &self.claims())
    }

    /// The head and the claims of a good token under another signature.
    fn signed_as(&self, header: &Value, signature: &str) -> String {
        format!(
            "{}.{}.{signature}",
            encoded(header),
            encoded(&self.claims())
        )
    }
}

fn wrong_claims(scene: &Scene) -> Vec<String> {
    let cases = [
        json!({"aud": "api://another"}),
        json!({"aud": null}),
        json!({"aud": []}),
        json!({"iss": scene.attacker.name()}),
        json!({"iss": null}),
        json!({"iss": format!("{}/", scene.issuer.name())}),
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
    cases.iter().map(|case| scene.claiming(case)).collect()
}

fn wrong_headers(scene: &Scene) -> Vec<String> {
    let keys = scene.attacker.keys_url();
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
    let of_the_forger = [
        json!({}),
        json!({"jku": keys}),
        json!({"x5u": keys}),
        json!({"jwk": scene.forger.jwk()}),
        json!({"x5c": ["MIIB"]}),
    ];
    let own = names.iter().map(|case| scene.with_header(&scene.ec, case));
    let forged = of_the_forger
        .iter()
        .map(|case| scene.with_header(&scene.forger, case));
    own.chain(forged).collect()
}

fn wrong_signatures(scene: &Scene) -> Vec<String> {
    let es256 = json!({"alg": "ES256", "kid": "ec"});
    let good = scene.claiming(&json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other_claims = scene.claiming(&json!({"roles": ["IndustryData-Run.ReadWrite.All"]}));
    let head_and_claims = other_claims.rsplit_once('.').unwrap().0;
    // The key that everybody knows, as the secret of a key that nobody should.
    let public = scene.rsa.jwk();
    let secrets = [public.to_string(), public["n"].as_str().unwrap().to_owned()];
    let mut tokens: Vec<_> = secrets
        .iter()
        .map(|secret| {
            let header = Header {
                kid: Some("rsa".to_owned()),
                ..Header::new(Algorithm::HS256)
            };
            encode(
                &header,
                &scene.claims(),
                &EncodingKey::from_secret(secret.as_bytes()),
            )
            .unwrap()
        })
        .collect();
    tokens.extend([
        scene.signed_as(&json!({"alg": "none", "kid": "ec"}), ""),
        scene.signed_as(&json!({"alg": "None", "kid": "ec"}), ""),
        // r = s = 0, which a careless check takes for every message.
        scene.signed_as(&es256, &"A".repeat(86)),
        scene.signed_as(&es256, ""),
        signed.to_owned(),
        format!("{signed}."),
        format!("{head_and_claims}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}A"),
        json!({"payload": encoded(&scene.claims()), "signatures": [{"protected": encoded(&es256), "signature": signature}]})
            .to_string(),
        "..".to_owned(),
        "e30.e30.e30".to_owned(),
    ]);
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_is_taken_and_no_address_in_one_is_called() {
    let scene = Scene::new().await;
    let server = Server::of(&scene.issuer, &[]);
    for key in [&scene.ec, &scene.rsa] {
        server.until_taken(&key.token(&scene.claims())).await;
    }
    let forged = [
        wrong_claims(&scene),
        wrong_headers(&scene),
        wrong_signatures(&scene),
    ];
    for token in forged.iter().flatten() {
        let answer = server.ask(token).await;
        assert_eq!(answer.status(), 401, "{token:.300}");
        assert!(answer.headers().contains_key("www-authenticate"));
        let body: Value = answer.json().await.unwrap();
        let code = &body["error"]["innerError"]["code"];
        assert_eq!(code, "invalidAuthenticationToken", "{token:.300}");
    }
    assert!(scene.attacker.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_a_minute_and_not_by_two() {
    let scene = Scene::new().await;
    let server = Server::of(&scene.issuer, &[]);
    server.until_taken(&scene.ec.token(&scene.claims())).await;
    let now = jsonwebtoken::get_current_timestamp();
    for (claims, status) in [
        (json!({"exp": now - 30}), 200),
        (json!({"exp": now - 120}), 401),
        (json!({"nbf": now + 30}), 200),
        (json!({"nbf": now + 120}), 401),
    ] {
        let token = scene.claiming(&claims);
        assert_eq!(server.status(&token).await, status, "{claims}");
    }
}
