//! Pictures of all pages, on request:
//! `FLOWRUNS_PICTURES=/tmp/pictures cargo test -p flowruns-server --test browser pictures -- --ignored`

use std::{env, fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    chromium::Chromium,
    look::{Look, resize},
    site::Site,
};

#[tokio::test]
#[ignore = "writes pictures into the folder FLOWRUNS_PICTURES"]
async fn pictures_of_all_pages() {
    let folder = env::var_os("FLOWRUNS_PICTURES").unwrap();
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::without_hostile_values().await;
    site.sign_in(&browser).await;
    for look in Look::all() {
        for page in site.pages() {
            look.apply(&browser).await;
            browser.open(&site.url(&page.path)).await;
            if browser.run("return Boolean(document.querySelector('[data-stream]'))").await == true
            {
                browser
                    .wait_for("document.querySelector('[data-stream]').dataset.state === 'on'")
                    .await;
            }
            let height = browser.run("return document.documentElement.scrollHeight").await;
            resize(&browser, look.width, u32::try_from(height.as_u64().unwrap()).unwrap()).await;
            let picture = STANDARD.decode(browser.screenshot().await).unwrap();
            let name = format!(
                "{}-{}-{}.png",
                page.name.replace([' ', ','], "-"),
                look.width,
                look.theme.name()
            );
            fs::write(Path::new(&folder).join(name), picture).unwrap();
        }
    }
}
