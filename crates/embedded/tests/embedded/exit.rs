//! How the end of the server, and a start that fails, are told.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    sync::Arc,
    thread,
};

use flowruns_embedded::{Cluster, ClusterError};

use crate::support::{kill, options, place, start};

#[test]
fn who_waits_learns_that_the_server_was_stopped() {
    let place = place();
    let cluster = Arc::new(start(place.path()));
    let waiting = Arc::clone(&cluster);
    let waiter = thread::spawn(move || waiting.wait_for_exit());
    cluster.stop().unwrap();
    let exit = waiter.join().unwrap();
    assert!(exit.requested);
    assert_eq!(exit.to_string(), "exit status: 0");
    assert!(
        exit.log.contains("database system is shut down"),
        "{}",
        exit.log
    );
}

#[test]
fn who_waits_learns_that_the_server_died() {
    let place = place();
    let cluster = Arc::new(start(place.path()));
    let waiting = Arc::clone(&cluster);
    let waiter = thread::spawn(move || waiting.wait_for_exit());
    kill(cluster.postmaster_pid());
    let exit = waiter.join().unwrap();
    assert!(!exit.requested);
    assert_eq!(exit.status.unwrap().signal(), Some(9));
    assert!(!cluster.is_running());
    cluster.stop().unwrap();
    drop(cluster);
    // The next start also removes the shared memory that the killed one left.
    start(place.path());
}

#[test]
fn a_server_that_ends_early_says_why() {
    let place = place();
    let mut wrong = options(place.path());
    wrong.settings = vec![("no_such_setting".to_owned(), "1".to_owned())];
    let error = Cluster::start(wrong).unwrap_err();
    assert!(matches!(error, ClusterError::ExitedEarly { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("PostgreSQL ended while starting (exit status: 1)"),
        "{text}"
    );
    assert!(
        text.contains("unrecognized configuration parameter \"no_such_setting\""),
        "{text}"
    );
    // Nothing is held or running, so the folder can be used again.
    start(place.path());
}

#[test]
fn an_initdb_that_fails_says_why_and_leaves_nothing() {
    let place = place();
    let binaries = place.path().join("bin");
    fs::create_dir(&binaries).unwrap();
    fs::set_permissions(&binaries, Permissions::from_mode(0o755)).unwrap();
    script(
        &binaries.join("postgres"),
        "echo 'postgres (PostgreSQL) 15.1'",
    );
    script(
        &binaries.join("initdb"),
        "echo 'half of it' >\"$2/PG_VERSION\"; echo 'the disk is full'; exit 3",
    );
    let folder = place.path().join("data");
    let mut failing = options(&folder);
    failing.binaries = Some(binaries);
    let error = Cluster::start(failing).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PostgreSQL's initdb failed (exit status: 3); the last lines of its log:\nthe disk is full"
    );
    let mut left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["lock", "postgres.log"]);
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
