//! The keyboard reaches everything, and keys do nothing while someone types.

use crate::{
    chromium::Chromium,
    site::{Site, run_path},
    webdriver::Session,
};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const ALT: char = '\u{e00a}';

#[tokio::test]
async fn keys_search_move_between_rows_and_open_pages() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let first = browser.run("return document.querySelector('tr.pick a.name').pathname").await;
    browser.press("j").await;
    browser.wait_for(&format!("document.activeElement.pathname === {first}")).await;
    browser.press("jjk").await;
    browser
        .wait_for("document.activeElement === document.querySelectorAll('tr.pick a.name')[1]")
        .await;
    browser.press("kkk").await;
    browser.press(ENTER).await;
    browser.wait_for(&format!("location.pathname === {first}")).await;
    for (key, path) in [("r", "/ui/runs"), ("t", "/ui/timeline"), ("o", "/ui")] {
        browser.press(key).await;
        browser.wait_for(&format!("location.pathname === '{path}'")).await;
    }

    browser.press("?").await;
    browser.wait_for("document.querySelector('#keys').open").await;
    browser.press("r").await;
    browser.press(ESCAPE).await;
    browser.wait_for("!document.querySelector('#keys').open").await;
    assert_eq!(browser.location().await, site.url("/ui"));
}

#[tokio::test]
async fn keys_do_nothing_while_someone_types_or_holds_a_modifier() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.press("/").await;
    browser.wait_for("document.activeElement.id === 'jump'").await;
    browser.press("rot?/z").await;
    let typed = browser
        .run("return [document.activeElement.value, document.querySelector('#keys').open]")
        .await;
    assert_eq!(typed, serde_json::json!(["rot?/z", false]));

    browser.run("document.activeElement.blur()").await;
    browser.press_with(ALT, 't').await;
    assert_eq!(browser.location().await, site.url("/ui"));
}

#[tokio::test]
async fn brackets_lead_to_the_run_before_and_back() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let newest = run_path(site.demo.failed);
    browser.open(&site.url(&newest)).await;
    browser.press("[").await;
    browser
        .wait_for(&format!("location.pathname !== '{newest}' && document.querySelector('h1')"))
        .await;
    browser.press("]").await;
    browser.wait_for(&format!("location.pathname === '{newest}'")).await;
}

#[tokio::test]
async fn tab_begins_with_the_link_to_the_content_and_every_focus_is_visible() {
    const STOPS: usize = 25;
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    browser.press(TAB).await;
    browser.wait_for("document.activeElement.matches('.skip')").await;
    for _ in 0..STOPS {
        assert_focus_is_visible(&browser).await;
        browser.press(TAB).await;
    }
    browser.open(&site.url("/ui")).await;
    browser.press(TAB).await;
    browser.press(ENTER).await;
    browser.wait_for("location.hash === '#main' && document.activeElement.id === 'main'").await;
}

async fn assert_focus_is_visible(session: &Session) {
    const SCRIPT: &str = "
        const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
        const isOutlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        const isSeen = box.width > 0 && box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth;
        return isOutlined && isSeen ? '' : element.outerHTML.slice(0, 200);";
    assert_eq!(session.run(SCRIPT).await, "");
}
