//! Tokens of callers, and of links to next pages.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_api::auth::{Caller, TokenError};
use futures_util::FutureExt as _;
use proptest::prelude::*;

use crate::{app::App, broken::broken};

const HEADERS: &[&str] = &[
    r#"{"typ":"JWT","alg":"ES256","kid":"fuzz"}"#,
    r#"{"alg":"none","kid":"fuzz"}"#,
    r#"{"alg":"HS256","kid":"fuzz"}"#,
    r#"{"alg":"RS256","kid":"fuzz","jwk":{"kty":"EC","crv":"P-256","x":"a","y":"b"},"jku":"http://127.0.0.1:1/"}"#,
    r#"{"alg":"ES256","kid":"fuzz","crit":["exp"],"x5c":["a"]}"#,
];
const CLAIMS: &[&str] = &[
    r#"{"iss":"fuzz","aud":"fuzz","sub":"s","tid":"0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e","exp":4102444800}"#,
    r#"{"iss":["fuzz"],"aud":["fuzz","x"],"exp":4.1e9,"nbf":-1,"roles":["IndustryData-Run.Read.All"],"scp":"a b"}"#,
    r#"{"exp":1e400,"roles":null,"tid":5}"#,
];
const SIGNATURES: &[&str] = &[
    "",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "MEUCIQDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

/// The keys are fixed, so that verification never waits.
fn verified(app: &App, token: &str) -> Result<Arc<Caller>, TokenError> {
    app.verifier.verify(token).now_or_never().unwrap()
}

proptest! {
    #[test]
    fn a_token_that_was_not_signed_is_rejected(
        header in broken(HEADERS), claims in broken(CLAIMS), signature in broken(SIGNATURES),
    ) {
        let app = App::start();
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let token = format!("{header}.{claims}.{}", String::from_utf8_lossy(&signature));
        prop_assert!(verified(&app, &token).is_err());
    }

    #[test]
    fn a_token_that_was_changed_is_rejected(
        position in any::<prop::sample::Index>(), with in "[ -~]{0,3}|[.]{1,3}|\\PC",
    ) {
        let app = App::start();
        let known = verified(&app, &app.token);
        prop_assert!(known.is_ok());
        let mut token = app.token.clone();
        let at = position.index(token.len());
        token.replace_range(at..=at, &with);
        if token != app.token {
            prop_assert!(verified(&app, &token).is_err(), "{}", token);
        }
    }

    #[test]
    fn any_text_at_all_is_rejected(text in "\\PC{0,300}", bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let app = App::start();
        prop_assert!(verified(&app, &text).is_err());
        prop_assert!(verified(&app, &String::from_utf8_lossy(&bytes)).is_err());
    }

    #[test]
    fn a_link_to_the_next_page_that_was_changed_is_rejected(
        position in any::<prop::sample::Index>(), with in "[A-Za-z0-9_-]{0,3}",
    ) {
        let app = App::start();
        app.sent(&Method::POST, &app.runs_path(), br#"{"displayName":"second"}"#.to_vec())?;
        let list = format!("{}?$top=1", app.runs_path());
        let page = app.sent(&Method::GET, &list, Vec::new())?.json;
        let (_, token) = page["@odata.nextLink"].as_str().unwrap().split_once("skiptoken=").unwrap();
        let follow = |token: &str| app.sent(&Method::GET, &format!("{list}&$skiptoken={token}"), Vec::new());
        prop_assert_eq!(follow(token)?.status, StatusCode::OK);
        let mut changed = token.to_owned();
        let at = position.index(token.len());
        changed.replace_range(at..=at, &with);
        if changed != token {
            prop_assert_eq!(follow(&changed)?.status, StatusCode::BAD_REQUEST, "{}", changed);
        }
    }
}
