//! After a kill of us, of the server, or of both.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use flowruns_embedded::{Cluster, ClusterOptions};

use crate::{
    holder::Holder,
    support::{
        eventually, is_running, kill, mode, options, place, psql, psql_command, query, remember,
        remembers, start,
    },
};

#[test]
fn the_server_ends_when_its_parent_is_killed() {
    let place = place();
    let folder = place.path().join("data");
    let holder = Holder::start(&folder);
    let postmaster = holder.postmaster_pid;
    assert!(is_running(postmaster));
    holder.kill_with_server();
    let log = fs::read_to_string(folder.join("postgres.log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
}

#[test]
fn the_next_start_succeeds_at_once_after_the_parent_was_killed() {
    let place = place();
    let folder = place.path().join("data");
    remember(&start(&folder));
    let holder = Holder::start(&folder);
    let postmaster = holder.postmaster_pid;
    holder.kill();
    let cluster = start(&folder);
    assert!(remembers(&cluster));
    assert!(!is_running(postmaster));
}

#[test]
fn the_next_start_recovers_after_the_server_was_killed() {
    let place = place();
    // Without it the last commits would be lost.
    let durable = ClusterOptions {
        durable: true,
        ..options(place.path())
    };
    let cluster = Cluster::start(durable).unwrap();
    remember(&cluster);
    kill(cluster.postmaster_pid());
    drop(cluster);
    let cluster = start(place.path());
    assert!(remembers(&cluster));
    let log = fs::read_to_string(place.path().join("postgres.log")).unwrap();
    assert!(log.contains("was not properly shut down"), "{log}");
}

#[test]
fn a_busy_process_of_a_killed_server_does_not_keep_the_next_from_starting() {
    let place = place();
    let cluster = start(place.path());
    let mut busy = psql_command(
        cluster.socket_folder(),
        "select sum(n) from generate_series(1, 1000000000000) n",
    )
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    eventually("the query runs", || {
        query(
            &cluster,
            "select count(*) from pg_stat_activity where query like 'select sum%' and state = 'active'",
        ) == "1"
    });
    kill(cluster.postmaster_pid());
    drop(cluster);
    let cluster = start(place.path());
    assert_eq!(query(&cluster, "select 1"), "1");
    assert!(!busy.wait().unwrap().success());
}

#[test]
fn an_orphan_is_stopped_at_the_next_start() {
    let place = place();
    remember(&start(place.path()));
    let mut orphan = server_without_us(place.path());
    let cluster = start(place.path());
    assert!(remembers(&cluster));
    assert_ne!(cluster.postmaster_pid(), orphan.id());
    assert!(orphan.wait().unwrap().success(), "a fast shutdown");
}

#[test]
fn a_process_id_that_belongs_to_somebody_else_by_now_is_left_alone() {
    let place = place();
    remember(&start(place.path()));
    let data = place.path().join("postgres");
    // Of the same user as the server, so that PostgreSQL itself would refuse to start.
    let mut innocent = as_owner(&data, Command::new("sleep"))
        .arg("60")
        .spawn()
        .unwrap();
    let socket = place.path().join("run");
    let stale = format!(
        "{}\n{}\n1700000000\n5432\n{}\n\n 51838 999999999\nready   \n",
        innocent.id(),
        data.display(),
        socket.display()
    );
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    let cluster = start(place.path());
    assert!(remembers(&cluster));
    assert!(innocent.try_wait().unwrap().is_none(), "it was killed");
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

#[test]
fn an_empty_process_id_file_does_not_keep_it_from_starting() {
    let place = place();
    remember(&start(place.path()));
    fs::write(place.path().join("postgres/postmaster.pid"), "").unwrap();
    assert!(remembers(&start(place.path())));
}

#[test]
fn a_half_done_initdb_is_cleaned_away() {
    let place = place();
    let half_done = place.path().join("postgres.initdb-4711");
    fs::create_dir_all(half_done.join("base/1")).unwrap();
    fs::write(half_done.join("PG_VERSION"), "15\n").unwrap();
    let cluster = start(place.path());
    assert_eq!(query(&cluster, "select 1"), "1");
    assert!(!half_done.exists());
}

#[test]
fn every_start_writes_to_one_log() {
    let place = place();
    drop(start(place.path()));
    drop(start(place.path()));
    let path = place.path().join("postgres.log");
    let log = fs::read_to_string(&path).unwrap();
    assert_eq!(
        log.matches("database system is ready to accept connections")
            .count(),
        2
    );
    assert_eq!(mode(&path), 0o600);
}

/// A server on the same data whose parent is not a [`Cluster`] and which gets no signal at our end.
fn server_without_us(folder: &Path) -> Child {
    let binaries = options(folder).binaries.unwrap_or_else(installed);
    let (data, socket) = (folder.join("postgres"), folder.join("run"));
    let mut command = as_owner(&data, Command::new(binaries.join("postgres")));
    command.arg("-D").arg(&data).arg("-k").arg(&socket).args([
        "-p",
        "5432",
        "-c",
        "listen_addresses=",
    ]);
    let server = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the orphan answers", || psql(&socket, "select 1").is_ok());
    server
}

/// The folder of the binaries that a start would choose, as its process tells.
fn installed() -> std::path::PathBuf {
    let place = place();
    let cluster: Cluster = start(place.path());
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
