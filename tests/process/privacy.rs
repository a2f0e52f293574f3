//! What other users of the machine may read.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use flowruns_testing::harness::data_folder;

use crate::server::start;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn no_token_is_printed_without_a_terminal() {
    let folder = data_folder();
    let mut server = start(&folder);
    assert!(server.printed().contains("Bearer $TOKEN"), "{}", server.printed());
    assert!(server.printed().contains("flowruns token"), "{}", server.printed());
    // The head of a JSON object in base64url, as every JWT begins.
    assert!(!server.printed().contains("eyJ"), "{}", server.printed());
    let response = server.client().get("/industryData/runs").await;
    assert_eq!(response.status, 200);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_data_folder_or_a_key_that_is_open_to_others_is_a_warning_with_the_command() {
    let folder = data_folder();
    set_mode(folder.path(), 0o755);
    let mut server = start(&folder);
    let line = server.wait_for_log("others may enter the data folder");
    let (path, closed) = (folder.path().display(), folder.path().to_owned());
    let wanted = |mode: &str| line.contains(&format!("chmod {mode} {path}"));
    assert!(wanted("700") || wanted("711"), "{line}");
    server.stop();
    let log = server.log();
    assert!(!log.contains("others may read the local key"), "{log}");

    set_mode(&closed, if wanted("700") { 0o700 } else { 0o711 });
    let key = folder.path().join("local-key.p8");
    set_mode(&key, 0o640);
    let mut server = start(&folder);
    let line = server.wait_for_log("others may read the local key");
    assert!(line.contains(&format!("chmod 600 {}", key.display())), "{line}");
    server.stop();
    let log = server.log();
    assert!(!log.contains("others may enter the data folder"), "{log}");
}
