//! Starting, connecting, stopping and restarting.

use std::{fs, thread};

use flowruns_embedded::{Cluster, ClusterError, ClusterOptions};
use rustix::process::{Pid, getpgid};

use crate::{
    cluster_process::ClusterProcess,
    support::{
        is_root, mode, options, owner, psql, query, remember, remembers, start, temp_folder,
    },
};

#[test]
fn a_durable_cluster_has_the_documented_settings() {
    let temp = temp_folder();
    let cluster = Cluster::start(ClusterOptions::new(temp.path())).unwrap();
    assert_eq!(query(&cluster, "select 1"), "1");
    let setting = |name: &str| query(&cluster, &format!("show {name}"));
    assert_eq!(setting("server_encoding"), "UTF8");
    assert_eq!(
        query(&cluster, "select datcollate from pg_database where datname = 'postgres'"),
        "C.UTF-8"
    );
    assert_eq!(setting("data_checksums"), "on");
    assert!(setting("timezone").ends_with("UTC"));
    assert_eq!(setting("listen_addresses"), "");
    assert_eq!(setting("max_connections"), "100");
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(setting(name), "on", "{name}");
    }
}

#[test]
fn the_caller_can_add_settings() {
    let temp = temp_folder();
    let mut options = options(temp.path());
    options.settings = vec![("work_mem".to_owned(), "9MB".to_owned())];
    let cluster = Cluster::start(options).unwrap();
    assert_eq!(query(&cluster, "show work_mem"), "9MB");
    assert_eq!(query(&cluster, "show fsync"), "off");
    assert_eq!(query(&cluster, "show max_connections"), "20");
}

#[test]
fn the_data_survives_a_restart() {
    let temp = temp_folder();
    let cluster = start(temp.path());
    remember(&cluster);
    drop(cluster);
    let cluster = start(temp.path());
    assert!(remembers(&cluster));
}

#[test]
fn the_server_outlives_the_thread_that_started_it() {
    let temp = temp_folder();
    let folder = temp.path().to_owned();
    let cluster = thread::spawn(move || start(&folder)).join().unwrap();
    for _ in 0..10 {
        assert_eq!(query(&cluster, "select 1"), "1");
    }
    let log = fs::read_to_string(temp.path().join("postgres.log")).unwrap();
    assert!(!log.contains("shutdown request"), "{log}");
}

#[test]
fn an_interrupt_from_the_terminal_does_not_reach_the_server() {
    let temp = temp_folder();
    let cluster = start(temp.path());
    let postmaster = Pid::from_raw(i32::try_from(cluster.postmaster_pid()).unwrap());
    assert_eq!(getpgid(postmaster).ok(), postmaster, "it leads a process group of its own");
}

#[test]
fn stopping_a_stopped_cluster_does_nothing() {
    let temp = temp_folder();
    let cluster = start(temp.path());
    let socket = cluster.socket_folder().to_owned();
    assert!(cluster.is_running());
    cluster.stop().unwrap();
    cluster.stop().unwrap();
    assert!(!cluster.is_running());
    psql(&socket, "select 1").unwrap_err();
}

#[test]
fn a_second_start_in_this_process_names_this_process() {
    let temp = temp_folder();
    let _first = start(temp.path());
    let error = Cluster::start(options(temp.path())).unwrap_err();
    let folder = temp.path().canonicalize().unwrap();
    let (folder, pid) = (folder.display(), std::process::id());
    let message =
        format!("another process ({pid}) uses the folder {folder}; stop it, or use another folder");
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_second_start_in_another_process_names_the_first_process() {
    let temp = temp_folder();
    let folder = temp.path().join("data");
    let first = ClusterProcess::start(&folder);
    let error = Cluster::start(options(&folder)).unwrap_err();
    assert!(
        matches!(error, ClusterError::InUse { pid: Some(pid), .. } if pid == first.pid()),
        "{error}"
    );
    first.kill_with_server();
}

#[test]
fn only_its_user_can_enter_the_data_and_the_socket() {
    let temp = temp_folder();
    let key = temp.path().join("signing-key");
    fs::write(&key, "secret").unwrap();
    let (key_mode, key_owner) = (mode(&key), owner(&key));
    let cluster = start(temp.path());
    let data = temp.path().join("postgres");
    assert_eq!((mode(&data), mode(cluster.socket_folder())), (0o700, 0o700));
    assert_eq!(owner(&data), owner(cluster.socket_folder()));
    assert_ne!(owner(&data), 0, "PostgreSQL never runs as root");
    assert_eq!((mode(&key), owner(&key)), (key_mode, key_owner));
    assert_eq!((mode(temp.path()), owner(temp.path())), (0o711, key_owner));
}

#[test]
fn the_server_does_not_inherit_secrets_of_the_service() {
    let temp = temp_folder();
    let cluster = start(temp.path());
    let environment =
        fs::read_to_string(format!("/proc/{}/environ", cluster.postmaster_pid())).unwrap();
    let mut names: Vec<&str> =
        environment.split('\0').filter_map(|entry| Some(entry.split_once('=')?.0)).collect();
    names.retain(|name| !["PATH", "LD_LIBRARY_PATH", "LC_ALL", "TZ"].contains(name));
    // PostgreSQL itself sets these.
    names.retain(|name| !name.starts_with("LC_") && !name.starts_with("PG"));
    assert_eq!(names, Vec::<&str>::new());
}

#[test]
fn without_root_the_server_runs_as_the_same_user() {
    if !is_root() {
        return; // Then every other test covers this.
    }
    const NOBODY: u32 = 65534;
    let temp = temp_folder();
    let folder = temp.path().join("data");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    let process = ClusterProcess::start_as(NOBODY, temp.path(), &folder);
    assert_eq!(psql(&folder.join("run"), "select 1").unwrap(), "1");
    assert_eq!(owner(&folder.join("postgres")), NOBODY);
    assert_eq!(owner(&folder.join("lock")), NOBODY);
    process.kill_with_server();
    // Root continues with that user, not with the one it prefers for a new cluster.
    let cluster = start(&folder);
    assert_eq!(query(&cluster, "select 1"), "1");
    assert_eq!(owner(&folder.join("postgres")), NOBODY);
}
