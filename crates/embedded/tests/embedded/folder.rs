//! Folders with long paths, of other users, or that the server's user cannot enter.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use flowruns_embedded::{Cluster, ClusterError};

use crate::support::{
    is_root, mode, options, owner, query, remember, remembers, start, temp_folder,
};

#[test]
fn a_long_path_gets_a_short_socket() {
    let temp = temp_folder();
    let folder = temp.path().join("x".repeat(90)).join("data");
    let cluster = start(&folder);
    let socket = cluster.socket_folder().to_owned();
    assert_eq!(cluster.folder(), folder.canonicalize().unwrap());
    assert_eq!(socket.parent(), Some(Path::new("/tmp")));
    assert_eq!(mode(&socket), 0o700);
    assert_eq!(owner(&socket), owner(&folder.join("postgres")));
    assert_eq!(query(&cluster, "select 1"), "1");
    drop(cluster);
    assert!(!socket.exists(), "it is removed with the cluster");
    assert_eq!(start(&folder).socket_folder(), socket);
}

#[test]
fn a_path_with_a_comma_and_quotes_works() {
    let temp = temp_folder();
    let cluster = start(&temp.path().join("one, \"two\" and 'three'"));
    assert_eq!(query(&cluster, "select 1"), "1");
}

#[test]
fn a_socket_folder_of_another_user_is_rejected() {
    if !is_root() {
        return; // Only root can create a folder of another user.
    }
    let temp = temp_folder();
    let folder = temp.path().join("x".repeat(90));
    let socket = start(&folder).socket_folder().to_owned();
    fs::create_dir(&socket).unwrap();
    chown(&socket, Some(4711), Some(4711)).unwrap();
    let error = Cluster::start(options(&folder)).unwrap_err();
    fs::remove_dir(&socket).unwrap();
    let message = format!(
        "the socket folder {} belongs to another user; remove it, or use another folder",
        socket.display()
    );
    assert_eq!(error.to_string(), message);
}

#[test]
fn an_inaccessible_folder_is_replaced_by_the_same_folder_each_time() {
    if !is_root() {
        return; // Only root runs the server as another user.
    }
    let temp = temp_folder();
    fs::set_permissions(temp.path(), Permissions::from_mode(0o700)).unwrap();
    let wanted = temp.path().join("data");
    let cluster = start(&wanted);
    let used = FallbackFolder(cluster.folder().to_owned());
    assert_eq!(used.0.parent(), Some(Path::new("/var/lib/flowruns")));
    remember(&cluster);
    drop(cluster);
    let cluster = start(&wanted);
    assert_eq!(cluster.folder(), used.0);
    assert!(remembers(&cluster));
    let error = Cluster::start(options(&wanted)).unwrap_err();
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");
    drop(cluster);
    // An existing cluster is used, although a new one would now be created in the requested folder.
    fs::set_permissions(temp.path(), Permissions::from_mode(0o711)).unwrap();
    assert!(remembers(&start(&wanted)));
    assert_eq!(mode(temp.path()), 0o711);
}

#[test]
fn inaccessible_data_is_not_replaced_by_new_data() {
    if !is_root() {
        return;
    }
    let temp = temp_folder();
    let folder = temp.path().join("data");
    drop(start(&folder));
    fs::set_permissions(temp.path(), Permissions::from_mode(0o700)).unwrap();
    let error = Cluster::start(options(&folder)).unwrap_err();
    assert!(
        matches!(&error, ClusterError::InaccessibleFolder { by, .. } if by == temp.path()),
        "{error}"
    );
    assert!(error.to_string().contains("permit it, or use another folder"), "{error}");
}

#[test]
fn a_private_folder_becomes_enterable_but_not_readable() {
    if !is_root() {
        return;
    }
    let temp = temp_folder();
    fs::set_permissions(temp.path(), Permissions::from_mode(0o700)).unwrap();
    let cluster = start(temp.path());
    assert_eq!(cluster.folder(), temp.path().canonicalize().unwrap());
    assert_eq!(mode(temp.path()), 0o701);
}

#[test]
fn the_error_names_a_version_that_is_not_installed() {
    let temp = temp_folder();
    let data = temp.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "12\n").unwrap();
    let error = Cluster::start(options(temp.path())).unwrap_err().to_string();
    let start = format!(
        "the data in {} was made by PostgreSQL 12, but the binaries are PostgreSQL ",
        data.display()
    );
    assert!(error.starts_with(&start), "{error}");
    assert!(error.ends_with("; install PostgreSQL 12, or use another folder"), "{error}");
}

#[test]
fn other_files_at_the_path_of_the_data_are_kept() {
    let temp = temp_folder();
    let data = temp.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes"), "mine").unwrap();
    let error = Cluster::start(options(temp.path())).unwrap_err();
    assert!(matches!(error, ClusterError::NotACluster { .. }), "{error}");
    assert_eq!(fs::read_to_string(data.join("notes")).unwrap(), "mine");
}

/// The fallback folder; removed also when the test fails.
struct FallbackFolder(std::path::PathBuf);

impl Drop for FallbackFolder {
    fn drop(&mut self) {
        if self.0.starts_with("/var/lib/flowruns/") {
            let _removed = fs::remove_dir_all(&self.0);
            let _kept_unless_empty = fs::remove_dir("/var/lib/flowruns");
        }
    }
}
