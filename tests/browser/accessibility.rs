//! axe-core finds nothing on any page.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, is_required},
    look::{Look, Theme},
    site::Site,
    webdriver::Session,
};

/// Where `tests/browser/install` puts it.
const AXE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/browser/node_modules/axe-core/axe.min.js");
/// The layouts: a table, and cards.
const WIDTHS: [u32; 2] = [1280, 390];

#[tokio::test]
async fn axe_core_finds_nothing_on_any_page() {
    let Some(axe) = axe() else { return };
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let mut found = Vec::new();
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        for theme in Theme::ALL {
            for width in WIDTHS {
                let look = Look { width, theme };
                look.apply(&browser).await;
                let violations = violations(&browser, &axe).await;
                found.extend(
                    violations.into_iter().map(|one| format!("{}, {look}: {one}", page.name)),
                );
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The rules that the page violates, with the first elements that do.
async fn violations(session: &Session, axe: &str) -> Vec<String> {
    const SCRIPT: &str = "
        const [options, say] = arguments;
        axe.run(document, options).then((result) => say(result.violations), (error) => say([{id: String(error)}]));";
    if session.run("return typeof axe").await == json!("undefined") {
        session.run(axe).await;
    }
    // Off by default; the rest of WCAG 2.2 AA and the best practices are on.
    let options =
        json!({"resultTypes": ["violations"], "rules": {"target-size": {"enabled": true}}});
    let found = session.run_async(SCRIPT, json!([options])).await;
    found.as_array().unwrap().iter().map(describe).collect()
}

fn describe(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten().take(3);
    let nodes = nodes.map(|node| format!("\n    {} {}", node["html"], node["failureSummary"]));
    format!("{} {}{}", violation["id"], violation["help"], nodes.collect::<String>())
}

fn axe() -> Option<String> {
    if Path::new(AXE).exists() {
        return Some(fs::read_to_string(AXE).unwrap());
    }
    assert!(!is_required(), "{AXE} does not exist");
    eprintln!("NOT RUN: axe-core is not installed, so this test checked nothing");
    None
}
