//! Folders that need care: long, foreign, out of reach.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use flowruns_embedded::{Cluster, ClusterError};

use crate::support::{is_root, mode, options, owner, place, query, remember, remembers, start};

#[test]
fn a_long_path_gets_a_short_socket() {
    let place = place();
    let folder = place.path().join("x".repeat(90)).join("data");
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
    let place = place();
    let cluster = start(&place.path().join("one, \"two\" and 'three'"));
    assert_eq!(query(&cluster, "select 1"), "1");
}

#[test]
fn a_socket_folder_that_somebody_else_prepared_is_refused() {
    if !is_root() {
        return; // Only root can make what belongs to somebody else.
    }
    let place = place();
    let folder = place.path().join("x".repeat(90));
    let socket = start(&folder).socket_folder().to_owned();
    fs::create_dir(&socket).unwrap();
    chown(&socket, Some(4711), Some(4711)).unwrap();
    let error = Cluster::start(options(&folder)).unwrap_err();
    fs::remove_dir(&socket).unwrap();
    let said = format!(
        "the socket folder {} belongs to somebody else; remove it, or use another folder",
        socket.display()
    );
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_folder_out_of_reach_is_replaced_by_the_same_one_each_time() {
    if !is_root() {
        return; // Who is not root can reach his folders.
    }
    let place = place();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let wanted = place.path().join("data");
    let cluster = start(&wanted);
    let used = Replacement(cluster.folder().to_owned());
    assert_eq!(used.0.parent(), Some(Path::new("/var/lib/flowruns")));
    remember(&cluster);
    drop(cluster);
    let cluster = start(&wanted);
    assert_eq!(cluster.folder(), used.0);
    assert!(remembers(&cluster));
    let error = Cluster::start(options(&wanted)).unwrap_err();
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");
    drop(cluster);
    // Where the data is decides, not what would be chosen for new data.
    fs::set_permissions(place.path(), Permissions::from_mode(0o711)).unwrap();
    assert!(remembers(&start(&wanted)));
    assert_eq!(mode(place.path()), 0o711);
}

#[test]
fn data_that_went_out_of_reach_is_not_replaced_by_new_data() {
    if !is_root() {
        return;
    }
    let place = place();
    let folder = place.path().join("data");
    drop(start(&folder));
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let error = Cluster::start(options(&folder)).unwrap_err();
    assert!(
        matches!(&error, ClusterError::Blocked { by, .. } if by == place.path()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("permit it, or use another folder"),
        "{error}"
    );
}

#[test]
fn a_private_folder_of_ours_is_made_enterable_and_not_more() {
    if !is_root() {
        return;
    }
    let place = place();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let cluster = start(place.path());
    assert_eq!(cluster.folder(), place.path().canonicalize().unwrap());
    assert_eq!(mode(place.path()), 0o701);
}

#[test]
fn data_of_a_version_that_is_not_installed_is_named() {
    let place = place();
    let data = place.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "12\n").unwrap();
    let error = Cluster::start(options(place.path()))
        .unwrap_err()
        .to_string();
    let start = format!(
        "the data in {} was made by PostgreSQL 12, but the binaries are PostgreSQL ",
        data.display()
    );
    assert!(error.starts_with(&start), "{error}");
    assert!(
        error.ends_with("; install PostgreSQL 12, or use another folder"),
        "{error}"
    );
}

#[test]
fn something_else_in_the_place_of_the_data_is_kept() {
    let place = place();
    let data = place.path().join("postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("notes"), "mine").unwrap();
    let error = Cluster::start(options(place.path())).unwrap_err();
    assert!(matches!(error, ClusterError::NotACluster { .. }), "{error}");
    assert_eq!(fs::read_to_string(data.join("notes")).unwrap(), "mine");
}

/// Removes the folder that was used instead, also when the test fails.
struct Replacement(std::path::PathBuf);

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.0.starts_with("/var/lib/flowruns/") {
            let _best_effort = fs::remove_dir_all(&self.0);
            let _kept_when_used = fs::remove_dir("/var/lib/flowruns");
        }
    }
}
