//! Behaviour after this process, the server, or both were killed.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use flowruns_embedded::Cluster;

use crate::{
    cluster_process::ClusterProcess,
    support::{
        eventually, is_running, kill, mode, options, psql, psql_command, query, remember,
        remembers, start, temp_folder,
    },
};

#[test]
fn the_server_stops_when_its_parent_is_killed() {
    let temp = temp_folder();
    let folder = temp.path().join("data");
    let process = ClusterProcess::start(&folder);
    let postmaster = process.postmaster_pid;
    assert!(is_running(postmaster));
    process.kill_with_server();
    let log = fs::read_to_string(folder.join("postgres.log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
}

#[test]
fn the_next_start_succeeds_at_once_after_the_parent_was_killed() {
    let temp = temp_folder();
    let folder = temp.path().join("data");
    remember(&start(&folder));
    let process = ClusterProcess::start(&folder);
    let postmaster = process.postmaster_pid;
    process.kill();
    let cluster = start(&folder);
    assert!(remembers(&cluster));
    assert!(!is_running(postmaster));
}

#[test]
fn the_next_start_recovers_after_the_server_was_killed() {
    let temp = temp_folder();
    // A cluster that is not durable would lose the last commits.
    let mut durable = options(temp.path());
    durable.durable = true;
    let cluster = Cluster::start(durable).unwrap();
    remember(&cluster);
    kill(cluster.postmaster_pid());
    drop(cluster);
    let cluster = start(temp.path());
    assert!(remembers(&cluster));
    let log = fs::read_to_string(temp.path().join("postgres.log")).unwrap();
    assert!(log.contains("was not properly shut down"), "{log}");
}

#[test]
fn a_busy_process_of_a_killed_server_does_not_prevent_the_next_start() {
    let temp = temp_folder();
    let cluster = start(temp.path());
    let mut busy = psql_command(
        cluster.socket_folder(),
        "select sum(n) from generate_series(1, 1000000000000) n",
    )
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    eventually("the query is running", || {
        query(
            &cluster,
            "select count(*) from pg_stat_activity where query like 'select sum%' and state = 'active'",
        ) == "1"
    });
    kill(cluster.postmaster_pid());
    drop(cluster);
    let cluster = start(temp.path());
    assert_eq!(query(&cluster, "select 1"), "1");
    assert!(!busy.wait().unwrap().success());
}

#[test]
fn an_orphan_is_stopped_at_the_next_start() {
    let temp = temp_folder();
    remember(&start(temp.path()));
    let mut orphan = unmanaged_server(temp.path());
    let cluster = start(temp.path());
    assert!(remembers(&cluster));
    assert_ne!(cluster.postmaster_pid(), orphan.id());
    assert!(orphan.wait().unwrap().success(), "a fast shutdown");
}

#[test]
fn a_reused_process_id_is_not_signalled() {
    let temp = temp_folder();
    remember(&start(temp.path()));
    let data = temp.path().join("postgres");
    // It runs as the user of the server, so PostgreSQL itself would reject the start.
    let mut unrelated = as_owner(&data, Command::new("sleep")).arg("60").spawn().unwrap();
    let socket = temp.path().join("run");
    let stale = format!(
        "{}\n{}\n1700000000\n5432\n{}\n\n 51838 999999999\nready   \n",
        unrelated.id(),
        data.display(),
        socket.display()
    );
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    let cluster = start(temp.path());
    assert!(remembers(&cluster));
    assert!(unrelated.try_wait().unwrap().is_none(), "it was killed");
    unrelated.kill().unwrap();
    unrelated.wait().unwrap();
}

#[test]
fn an_empty_process_id_file_does_not_prevent_a_start() {
    let temp = temp_folder();
    remember(&start(temp.path()));
    fs::write(temp.path().join("postgres/postmaster.pid"), "").unwrap();
    assert!(remembers(&start(temp.path())));
}

#[test]
fn an_incomplete_data_directory_is_removed() {
    let temp = temp_folder();
    let incomplete = temp.path().join("postgres.initdb-4711");
    fs::create_dir_all(incomplete.join("base/1")).unwrap();
    fs::write(incomplete.join("PG_VERSION"), "15\n").unwrap();
    let cluster = start(temp.path());
    assert_eq!(query(&cluster, "select 1"), "1");
    assert!(!incomplete.exists());
}

#[test]
fn all_starts_write_to_the_same_log() {
    let temp = temp_folder();
    drop(start(temp.path()));
    drop(start(temp.path()));
    let path = temp.path().join("postgres.log");
    let log = fs::read_to_string(&path).unwrap();
    assert_eq!(log.matches("database system is ready to accept connections").count(), 2);
    assert_eq!(mode(&path), 0o600);
}

/// Starts a server on the same data that no [`Cluster`] manages and that gets no signal when this process exits.
fn unmanaged_server(folder: &Path) -> Child {
    let binaries = options(folder).binaries.unwrap_or_else(installed);
    let (data, socket) = (folder.join("postgres"), folder.join("run"));
    let mut command = as_owner(&data, Command::new(binaries.join("postgres")));
    command.arg("-D").arg(&data).arg("-k").arg(&socket).args([
        "-p",
        "5432",
        "-c",
        "listen_addresses=",
    ]);
    let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the orphan accepts connections", || psql(&socket, "select 1").is_ok());
    server
}

/// The folder of the binaries that a start chooses, from its process.
fn installed() -> std::path::PathBuf {
    let temp = temp_folder();
    let cluster: Cluster = start(temp.path());
    let program = fs::read_link(format!("/proc/{}/exe", cluster.postmaster_pid())).unwrap();
    program.parent().unwrap().to_owned()
}

fn as_owner(data: &Path, mut command: Command) -> Command {
    let owner = data.metadata().unwrap();
    if crate::support::is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}
