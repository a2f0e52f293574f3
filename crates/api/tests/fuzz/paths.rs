//! Paths, in both forms of their keys.

use axum::http::Method;
use proptest::prelude::*;

use crate::{app::App, broken::broken};

const PATHS: &[&str] = &[
    "/industryData/incomingFlows('{flow}')/runs('{run}')",
    "/industryData/incomingFlows(id='{flow}')/runs(id='{run}')/process/runs('{run}')/history",
    "/beta/industryData/incomingFlows/{flow}/runs/{run}/process/runs/{run}",
    "/industryData/incomingFlows%28%27{flow}%27%29/runs/%24count?$filter=status%20eq%20'running'",
    "/industryData/incomingFlows/{flow}/$metadata",
    "/industryData/runs/$count",
    "/beta/$batch",
    "/docs/swagger-ui.css",
    "/docs/../openapi.json",
    "http://a.example/industryData/incomingFlows/{flow}",
    "*",
];

proptest! {
    #[test]
    fn paths_are_found_or_not_found(path in broken(PATHS)) {
        let app = App::start();
        let text = path.iter().map(|byte| char::from(*byte)).collect::<String>();
        let text = text.replace("{flow}", &app.run.flow.to_string());
        let text = text.replace("{run}", &app.run.run.to_string());
        let path: Vec<u8> = text.chars().filter_map(|char| u8::try_from(char).ok()).collect();
        for method in [Method::GET, Method::PATCH, Method::POST, Method::HEAD, Method::OPTIONS] {
            app.send(&method, &path, &[], b"{}".to_vec())?;
        }
    }
}
