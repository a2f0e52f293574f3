//! How the exit of the server and a failed start are reported.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    sync::Arc,
    thread,
};

use flowruns_embedded::{Cluster, ClusterError};

use crate::support::{kill, options, start, temp_folder};

#[test]
fn wait_for_exit_reports_a_requested_stop() {
    let temp = temp_folder();
    let cluster = Arc::new(start(temp.path()));
    let waiting = Arc::clone(&cluster);
    let waiter = thread::spawn(move || waiting.wait_for_exit());
    cluster.stop().unwrap();
    let exit = waiter.join().unwrap();
    assert!(exit.requested);
    assert_eq!(exit.to_string(), "exit status: 0");
    assert!(exit.log.contains("database system is shut down"), "{}", exit.log);
}

#[test]
fn wait_for_exit_reports_an_unexpected_exit() {
    let temp = temp_folder();
    let cluster = Arc::new(start(temp.path()));
    let waiting = Arc::clone(&cluster);
    let waiter = thread::spawn(move || waiting.wait_for_exit());
    kill(cluster.postmaster_pid());
    let exit = waiter.join().unwrap();
    assert!(!exit.requested);
    assert_eq!(exit.status.unwrap().signal(), Some(9));
    assert!(!cluster.is_running());
    cluster.stop().unwrap();
    drop(cluster);
    // The next start also removes the shared memory of the killed server.
    start(temp.path());
}

#[test]
fn an_early_exit_is_reported_with_the_log() {
    let temp = temp_folder();
    let mut wrong = options(temp.path());
    wrong.settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Cluster::start(wrong).unwrap_err();
    assert!(matches!(error, ClusterError::ExitedEarly { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("PostgreSQL exited while starting (exit status: 1)"), "{text}");
    assert!(text.contains("unrecognized configuration parameter \"no_such_setting\""), "{text}");
    // No lock and no process remains, so the folder can be used again.
    start(temp.path());
}

#[test]
fn a_failed_initdb_is_reported_with_the_log_and_leaves_nothing() {
    let temp = temp_folder();
    let binaries = temp.path().join("bin");
    fs::create_dir(&binaries).unwrap();
    fs::set_permissions(&binaries, Permissions::from_mode(0o755)).unwrap();
    script(&binaries.join("postgres"), "echo 'postgres (PostgreSQL) 15.1'");
    script(
        &binaries.join("initdb"),
        "echo incomplete >\"$2/PG_VERSION\"; echo 'the disk is full'; exit 3",
    );
    let folder = temp.path().join("data");
    let mut failing = options(&folder);
    failing.binaries = Some(binaries);
    let error = Cluster::start(failing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PostgreSQL's initdb failed (exit status: 3); the last lines of its log:\nthe disk is full"
    );
    let mut left: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "postgres.log"]);
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
