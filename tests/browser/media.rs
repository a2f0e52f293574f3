//! Forced colours, print, and reduced motion.

use serde_json::{Value, json};

use crate::{
    audit::{audit, console},
    chromium::Chromium,
    look::{emulate, resize},
    site::{Site, flow_path, run_path},
};

#[tokio::test]
async fn forced_colours_keep_every_status_and_control_visible() {
    const INVISIBLE: &str = "
        const same = [];
        for (const icon of document.querySelectorAll('main svg.icon')) {
            if (icon.checkVisibility() && getComputedStyle(icon).color === getComputedStyle(document.body).backgroundColor) same.push(icon.outerHTML.slice(0, 80));
        }
        for (const control of document.querySelectorAll('main a.btn, main button, main input:not([type=hidden]), main select')) {
            if (control.checkVisibility() && getComputedStyle(control).borderStyle === 'none') same.push(control.outerHTML.slice(0, 80));
        }
        return same.slice(0, 5);";
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let forced = json!({"name": "forced-colors", "value": "active"});
    for scheme in ["light", "dark"] {
        let scheme = json!({"name": "prefers-color-scheme", "value": scheme});
        emulate(&browser, "screen", &[forced.clone(), scheme]).await;
        resize(&browser, 1280, 900).await;
        for path in
            ["/ui".to_owned(), flow_path(site.demo.failed.flow_key()), run_path(site.demo.failed)]
        {
            browser.open(&site.url(&path)).await;
            assert_eq!(
                browser.run("return matchMedia('(forced-colors: active)').matches").await,
                json!(true)
            );
            let found = audit(&browser).await;
            assert!(found.is_empty(), "{path}: {found:#?}");
            assert_eq!(browser.run(INVISIBLE).await, json!([]), "{path}");
        }
    }
}

#[tokio::test]
async fn a_printed_page_has_its_content_and_no_controls() {
    /// A4 without margins, in CSS pixels.
    const PAPER: (u32, u32) = (720, 1040);
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    emulate(&browser, "print", &[]).await;
    resize(&browser, PAPER.0, PAPER.1).await;
    for page in site.pages() {
        browser.open(&site.url(&page.path)).await;
        let is_shown = |selector: &str| {
            format!("return Boolean(document.querySelector('{selector}')?.checkVisibility())")
        };
        assert_eq!(browser.run(&is_shown("h1")).await, json!(true), "{}", page.name);
        for control in ["nav.nav", "#jump", ".switches"] {
            assert_eq!(
                browser.run(&is_shown(control)).await,
                json!(false),
                "{}: {control}",
                page.name
            );
        }
        let overflow = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(overflow.as_i64().unwrap() <= 0, "{}: {overflow} px too wide", page.name);
    }
    let pdf = browser.devtools("Page.printToPDF", json!({"printBackground": false})).await;
    assert!(pdf["data"].as_str().is_some_and(|data| data.starts_with("JVBERi")), "no PDF");
}

#[tokio::test]
async fn nothing_moves_for_readers_who_prefer_reduced_motion() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let moving =
        "return document.getAnimations().filter((one) => one.playState === 'running').length";
    let motion = |value: &str| [json!({"name": "prefers-reduced-motion", "value": value})];
    emulate(&browser, "screen", &motion("no-preference")).await;
    browser.open(&site.url("/ui")).await;
    assert_ne!(browser.run(moving).await, json!(0), "the picture of a run in progress turns");
    emulate(&browser, "screen", &motion("reduce")).await;
    for path in ["/ui".to_owned(), run_path(site.demo.running)] {
        browser.open(&site.url(&path)).await;
        assert_eq!(browser.run(moving).await, json!(0), "{path}");
        let behaviour: Value =
            browser.run("return getComputedStyle(document.documentElement).scrollBehavior").await;
        assert_eq!(behaviour, "auto");
    }
    assert_eq!(console(&browser).await, [""; 0]);
}
