//! Fedora and related distributions.

use std::{ffi::OsString, fs, path::Path, process::Command};

use super::{FetchError, progress::Progress, tools::Tools};

/// The server, and psql.
const PACKAGES: [&str; 2] = ["postgresql-server", "postgresql"];

pub(super) struct Dnf<'a> {
    tools: &'a Tools,
    work: &'a Path,
}

impl<'a> Dnf<'a> {
    pub(super) fn new(tools: &'a Tools, work: &'a Path) -> Self {
        Self { tools, work }
    }

    /// Downloads the packages and their dependencies that are not installed, verifies the signatures with the system's keys,
    /// and unpacks them; returns a name for the unpacked version.
    pub(super) fn unpack(
        &self,
        tree: &Path,
        progress: &mut Progress,
    ) -> Result<String, FetchError> {
        progress.step("downloading the packages");
        self.run(self.download())?;
        progress.step("unpacking");
        let folder = self.work.join("packages");
        let listed = fs::read_dir(&folder).map_err(FetchError::io("list", &folder))?;
        let mut version = None;
        for entry in listed.flatten() {
            let package = entry.path();
            // dnf verifies packages at installation, not at download.
            self.run(self.check(&package))?;
            self.run(self.extract(&package, tree))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(PACKAGES[0]) {
                version = Some(name.trim_end_matches(".rpm").to_owned());
            }
        }
        version.ok_or_else(|| FetchError::NoPackage {
            package: PACKAGES[0].to_owned(),
            detail: String::new(),
        })
    }

    fn download(&self) -> Command {
        let mut cache = OsString::from("--setopt=cachedir=");
        cache.push(self.work.join("cache"));
        let mut logs = OsString::from("--setopt=logdir=");
        logs.push(self.work);
        let mut command = self.tools.command("dnf", self.work);
        command.args([cache, logs]);
        command.args(["--assumeyes", "--quiet", "download", "--resolve", "--destdir"]);
        command.arg(self.work.join("packages")).args(PACKAGES);
        command
    }

    fn check(&self, package: &Path) -> Command {
        let mut command = self.tools.command("rpmkeys", self.work);
        command.arg("--checksig").arg(package);
        command
    }

    fn extract(&self, package: &Path, tree: &Path) -> Command {
        let mut command = self.tools.command("sh", tree);
        let pipe =
            "rpm2cpio \"$1\" | cpio --extract --make-directories --quiet --no-absolute-filenames";
        command.args(["-c", pipe, "sh"]).arg(package);
        command
    }

    fn run(&self, command: Command) -> Result<(), FetchError> {
        self.tools.run(command, self.work, || {}).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(command: &Command) -> String {
        let arguments = command.get_args().map(|argument| argument.to_string_lossy());
        let program = command.get_program().to_string_lossy();
        [program].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_commands_use_private_folders_and_verify_signatures() {
        let tools = Tools::from_environment();
        let dnf = Dnf::new(&tools, Path::new("/scratch"));
        assert_eq!(
            line(&dnf.download()),
            "dnf --setopt=cachedir=/scratch/cache --setopt=logdir=/scratch --assumeyes --quiet download --resolve --destdir \
             /scratch/packages postgresql-server postgresql"
        );
        let package = Path::new("/scratch/packages/p.rpm");
        assert_eq!(line(&dnf.check(package)), "rpmkeys --checksig /scratch/packages/p.rpm");
        let extract = dnf.extract(package, Path::new("/scratch/tree"));
        assert_eq!(extract.get_current_dir(), Some(Path::new("/scratch/tree")));
        assert!(line(&extract).ends_with("sh /scratch/packages/p.rpm"));
    }
}
