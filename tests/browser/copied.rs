//! What the buttons copy.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    chromium::Chromium,
    site::{Site, run_path},
};

#[tokio::test]
async fn the_copied_command_reads_the_run_in_a_shell() {
    let Some(browser) = Chromium::start().await else { return };
    let site = Site::shared().await;
    site.sign_in(&browser).await;
    let origin = site.url("").trim_end_matches('/').to_owned();
    let permissions =
        json!({"origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    browser.devtools("Browser.grantPermissions", permissions).await;
    let run = site.demo.failed;
    browser.open(&site.url(&run_path(run))).await;
    browser.click("[data-copy='#curl']").await;
    browser.wait_for("document.querySelector('#say').textContent === 'Copied'").await;
    let copied = browser
        .run_async("const [say] = arguments; navigator.clipboard.readText().then(say, (error) => say(String(error)))", json!([]))
        .await;
    let mut shell = Command::new("sh");
    shell.args(["-c", copied.as_str().unwrap()]).env("FLOWRUNS_TOKEN", site.server.token());
    let output = shell.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{copied}: {message}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&read["id"], &read["status"]), (&json!(run.run.to_string()), &json!("failed")));
}
