//! The ids of flows whose names were found before.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use flowruns_client::{ClientBuilder, FlowId};

use super::server_of;

const FILE: &str = "flows.json";
/// Enough for thousands of flows. A larger file is begun anew.
const MAX_BYTES: u64 = 1024 * 1024;

/// Ids of flows by server and name, in the spool folder. They are used while the server is away: a spooled report needs an id.
#[derive(Clone, Debug)]
pub(super) struct KnownFlows {
    folder: PathBuf,
    server: String,
}

type Servers = BTreeMap<String, BTreeMap<String, String>>;

impl KnownFlows {
    /// In the spool folder that the client uses. `None` when there is none.
    pub(super) fn of(builder: &ClientBuilder) -> Option<Self> {
        let folder = builder.spool_folder()?.to_owned();
        Some(Self { folder, server: server_of(builder) })
    }

    pub(super) fn find(&self, name: &str) -> Option<FlowId> {
        self.read().ok()?.get(&self.server)?.get(name)?.parse().ok()
    }

    /// Keeps the id of a name. An error costs only that the next run of this name cannot be spooled.
    pub(super) fn keep(&self, name: &str, id: FlowId) -> io::Result<()> {
        let mut servers = self.read().unwrap_or_default();
        let flows = servers.entry(self.server.clone()).or_default();
        if flows.insert(name.to_owned(), id.to_string()) == Some(id.to_string()) {
            return Ok(());
        }
        self.write(&servers)
    }

    fn read(&self) -> io::Result<Servers> {
        let file = File::open(self.folder.join(FILE))?;
        // Another user who can write could send reports to a flow of his choice.
        let others_write =
            |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.mode() & 0o022 != 0);
        if others_write(&self.folder)? || file.metadata()?.mode() & 0o022 != 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut text = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Replaces the file, so that another process reads the old one or the new one.
    fn write(&self, servers: &Servers) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let temporary = self.folder.join(format!("{FILE}.{}.new", std::process::id()));
        let mut file =
            File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(&serde_json::to_vec(servers)?);
        let replaced = written.and_then(|()| fs::rename(&temporary, self.folder.join(FILE)));
        if replaced.is_err() {
            let _removed = fs::remove_file(&temporary);
        }
        replaced
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ID: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

    #[test]
    fn a_name_is_known_for_the_server_at_which_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |server: &str| KnownFlows {
            folder: folder.path().join("spool"),
            server: server.to_owned(),
        };
        assert_eq!(at("a").find("x"), None);
        at("a").keep("x", ID.parse().unwrap()).unwrap();
        at("b").keep("y", ID.parse().unwrap()).unwrap();
        assert_eq!(at("a").find("x"), ID.parse().ok());
        assert_eq!(at("a").find("y"), None);
        assert_eq!(at("b").find("x"), None);
    }

    #[test]
    fn a_file_that_others_may_write_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let flows = KnownFlows { folder: folder.path().to_owned(), server: "a".to_owned() };
        flows.keep("x", ID.parse().unwrap()).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(flows.find("x"), None);
    }
}
