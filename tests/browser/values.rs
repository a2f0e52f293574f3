//! Long values and values of several lines on the page of a run.

use flowruns_testing::scratch::ScratchDatabase;
use serde_json::json;

use crate::{
    FLOWRUNS,
    audit::audit,
    chromium::Chromium,
    look::{Look, Theme, WIDTHS},
    site::sign_in,
    webdriver::Session,
};

#[tokio::test]
async fn texts_keep_their_line_breaks_and_wide_values_wrap() {
    let Some(browser) = Chromium::start().await else { return };
    let database = ScratchDatabase::create().await;
    let server = FLOWRUNS.server().env("DATABASE_URL", database.service_url()).start();
    let api = server.client();
    let flow = api.create_flow().await;
    let run = api.create_run(&flow).await;
    let statistics = json!({
        "url": format!("https://sis.example/students?fields={}", "name,".repeat(30)),
        "note": "first line\nsecond line",
        "records": { "aNameOfAMemberThatDoesNotEndSoonAndHasNoPlaceToBreak": u64::MAX },
    });
    let error = json!({
        "code": "rows",
        "message": "first cause\nsecond cause",
        "details": [{ "code": "row", "message": "no id\nno name", "target": "rows/17" }],
    });
    for report in
        [json!({ "statistics": statistics }), json!({ "status": "failed", "blockingError": error })]
    {
        let response = api.send("PATCH", &run, report.to_string()).await;
        assert_eq!(response.status, 200, "{}", response.text);
    }
    sign_in(&server, &server.url(""), &browser).await;
    browser.open(&server.url(&run.replacen("/industryData/incomingFlows", "/ui/flows", 1))).await;
    assert_shows(&browser, ".msg", "first cause\nsecond cause").await;
    assert_shows(&browser, ".error-box td.full", "no id\nno name").await;
    assert_shows(&browser, "#run-statistics", "first line\nsecond line").await;
    assert_shows(&browser, "#run-history", "first line\nsecond line").await;
    assert_shows(&browser, "#run-history", "second cause\nrow: no id\nno name (rows/17)").await;
    for width in WIDTHS {
        Look { width, theme: Theme::Light }.apply(&browser).await;
        let found = audit(&browser).await;
        assert!(found.is_empty(), "{width} px: {found:#?}");
        let hidden = browser.run("const box = document.querySelector('#run-statistics .wide-scroll'); return box.scrollWidth - box.clientWidth").await;
        assert_eq!(hidden, json!(0), "{width} px: a part of the statistics is out of sight");
    }
}

/// Asserts that an element shows a text with its line breaks.
async fn assert_shows(session: &Session, selector: &str, text: &str) {
    let shown =
        session.run(&format!("return document.querySelector('{selector}').innerText")).await;
    assert!(shown.as_str().is_some_and(|shown| shown.contains(text)), "{selector}: {shown}");
}
