//! Stuck runs are chosen and ended as failed, several at a time.

use flowruns_domain::id::RunKey;
use serde_json::json;

use crate::{
    audit::{audit, console},
    chromium::Chromium,
    live::IS_LIVE,
    site::{Site, flow_path, run_path},
    webdriver::Session,
};

#[tokio::test]
async fn runs_that_are_chosen_in_each_list_are_ended_with_one_reason() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::without_hostile_values().await;
    site.sign_in(&browser).await;
    let flow = site.demo.warned.flow_key();
    let (one, other) = (site.create_run(flow).await, site.create_run(flow).await);
    browser.open(&site.url("/ui/runs")).await;
    choose(&browser, &[one, other]).await;
    end(&browser, "The host was restarted.", 2).await;
    for run in [one, other] {
        browser.open(&site.url(&run_path(run))).await;
        browser.wait_for("document.querySelector('.badge.fail') && document.querySelector('.msg').textContent === 'The host was restarted.'").await;
    }

    // Also without a run in progress when the page was loaded.
    browser.open(&site.url(&flow_path(flow))).await;
    let form = "document.querySelector('#end-form').checkVisibility()";
    assert_eq!(browser.run(&format!("return {form}")).await, json!(false));
    browser.wait_for(IS_LIVE).await;
    let third = site.create_run(flow).await;
    browser.wait_for(form).await;
    choose(&browser, &[third]).await;
    end(&browser, "It was started twice.", 1).await;

    browser.open(&site.url("/ui?show=stale")).await;
    choose(&browser, &[site.demo.stale]).await;
    end(&browser, "It hangs.", 1).await;
    browser.open(&site.url("/ui?show=stale")).await;
    assert_eq!(browser.run("return document.querySelectorAll('tr.pick').length").await, json!(0));
    assert_eq!(console(&browser).await, [""; 0]);
}

/// Ticks the check boxes of runs, one by one.
async fn choose(session: &Session, runs: &[RunKey]) {
    for run in runs {
        session.click(&format!("input[name=run][value*='{}']", run.run)).await;
    }
    let chosen = format!(
        "document.querySelector('#chosen-count').textContent.startsWith('{} of ')",
        runs.len()
    );
    session.wait_for(&chosen).await;
    let found = audit(session).await;
    assert!(found.is_empty(), "{found:#?}");
}

/// Sends the chosen runs, gives the reason, and looks at what became of them.
async fn end(session: &Session, reason: &str, runs: usize) {
    session.click("#end-form button.danger").await;
    session.wait_for("document.querySelector('#reason')").await;
    session.type_into("#reason", reason).await;
    session.click(".end-form button.danger").await;
    let ended = "[...document.querySelectorAll('.outcome')].filter((one) => one.textContent.includes('Ended as failed.'))";
    session.wait_for(&format!("{ended}.length === {runs}")).await;
}
