//! Envelopes of batches, and their items.

use axum::http::{Method, StatusCode};
use proptest::prelude::*;

use crate::{app::App, broken::broken};

const BATCHES: &[&str] = &[
    r#"{"requests":[{"id":"1","method":"GET","url":"/industryData/incomingFlows"}]}"#,
    r#"{"requests":[{"id":"1","method":"POST","url":"/industryData/incomingFlows","body":{"displayName":"F"},"headers":{"Prefer":"return=minimal"}},
        {"id":"2","method":"get","url":"industryData/runs?$top=1","dependsOn":["1"]}]}"#,
    r#"{"requests":[{"id":"a","method":"PATCH","url":"/beta/industryData/incomingFlows/x/runs/y","body":{"status":"failed"},
        "headers":{"If-Match":"*","content-type":"application/json","authorization":"Bearer x"}},
        {"id":"b","method":"DELETE","url":"http://localhost/industryData/incomingFlows/x","depends_on":["a"]}]}"#,
    r#"{"requests":[{"id":"1","method":"POST","url":"/$batch","body":{"requests":[]}}],"more":[[[[]]]]}"#,
    r#"{"requests":[{"id":"1","method":"GET","url":"/$metadata","atomicityGroup":"g","body":"text","headers":null}]}"#,
];

proptest! {
    #[test]
    fn a_batch_is_rejected_or_each_of_its_items_is_answered(body in broken(BATCHES)) {
        let app = App::start();
        for path in ["/$batch", "/beta/$batch"] {
            let response = app.sent(&Method::POST, path, body.clone())?;
            if response.status != StatusCode::OK {
                continue;
            }
            for item in response.json["responses"].as_array().unwrap() {
                let status = item["status"].as_u64().unwrap();
                prop_assert!((200..500).contains(&status), "{}", item);
            }
        }
    }
}
