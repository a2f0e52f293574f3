//! Debian and Ubuntu.

use std::{collections::HashSet, ffi::OsString, fs, path::Path, process::Command};

use rustix::process::geteuid;

use super::{
    FetchError, VersionRequirement,
    depends::Dependencies,
    progress::Progress,
    tools::{Output, Tools, last_lines},
};

/// Settings of apt that depend neither on the folder nor on the user: do not lock the system's files, require signatures
/// even if the system's configuration does not, and download no lists that are not used here.
const SETTINGS: [&str; 9] = [
    "Debug::NoLocking=1",
    "APT::Get::AllowUnauthenticated=false",
    "Acquire::AllowInsecureRepositories=false",
    "Acquire::AllowDowngradeToInsecureRepositories=false",
    "Acquire::Languages=none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=30",
    "Acquire::https::Timeout=30",
];

/// The relations that `apt-cache depends` must not print.
const ONLY_DEPENDS: [&str; 6] = [
    "--no-recommends",
    "--no-suggests",
    "--no-conflicts",
    "--no-breaks",
    "--no-replaces",
    "--no-enhances",
];

pub(super) struct Apt<'a> {
    tools: &'a Tools,
    /// The folder of apt's lists and downloads.
    work: &'a Path,
}

impl<'a> Apt<'a> {
    pub(super) fn new(tools: &'a Tools, work: &'a Path) -> Self {
        Self { tools, work }
    }

    /// Downloads and unpacks PostgreSQL and the missing libraries; returns a name for the unpacked version.
    pub(super) fn unpack(
        &self,
        requirement: VersionRequirement,
        tree: &Path,
        progress: &mut Progress,
    ) -> Result<String, FetchError> {
        for folder in ["lists/partial", "cache/archives/partial", "packages"] {
            let folder = self.work.join(folder);
            fs::create_dir_all(&folder).map_err(FetchError::io("create the folder", &folder))?;
        }
        progress.step("reading the package lists");
        // If one of several sources fails or is unsigned, the others can suffice.
        let update_error = match self.run(self.apt("apt-get", &["update"])) {
            Ok(output) => last_lines(&output.stderr),
            Err(FetchError::ToolFailed { stderr, .. }) => stderr,
            Err(error) => return Err(error),
        };
        let major = self.newest(requirement, &update_error)?;
        let packages = self.missing(major)?;
        self.download(&packages, progress)?;
        progress.step("unpacking");
        let unpacked = self.unpack_all(tree)?;
        remove_jit(tree, major)?;
        let of_server = format!("postgresql-{major}_");
        let name = unpacked.iter().find(|name| name.starts_with(&of_server));
        let name = name.map_or(of_server.as_str(), |name| name.trim_end_matches(".deb"));
        Ok(name.replace('%', "_"))
    }

    /// The newest matching version in the package lists.
    fn newest(
        &self,
        requirement: VersionRequirement,
        update_error: &str,
    ) -> Result<u16, FetchError> {
        let search = ["search", "--names-only", "^postgresql-[0-9]+$"];
        let found = self.run(self.apt("apt-cache", &search))?;
        let majors = found.stdout.lines().filter_map(major_version);
        majors.filter(|major| requirement.accepts(*major)).max().ok_or_else(|| {
            let detail = match update_error {
                "" => String::new(),
                error => format!(" ({error})"),
            };
            let package = match requirement.exact {
                Some(exact) => format!("postgresql-{exact}"),
                None => format!("postgresql-{} or newer", requirement.minimum),
            };
            FetchError::NoPackage { package, detail }
        })
    }

    /// The packages of the server and its clients, and the libraries they need that are not installed.
    fn missing(&self, major: u16) -> Result<Vec<String>, FetchError> {
        let mut packages =
            vec![format!("postgresql-{major}"), format!("postgresql-client-{major}")];
        let mut arguments = vec!["depends", "--recurse"];
        arguments.extend(ONLY_DEPENDS);
        arguments.extend(packages.iter().map(String::as_str));
        let depends = self.run(self.apt("apt-cache", &arguments))?;
        let mut query = self.tools.command("dpkg-query", self.work);
        query.args(["--show", "--showformat=${db:Status-Status} ${Package}\\n"]);
        let installed = self.run(query)?;
        let installed: HashSet<String> = installed
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("installed "))
            .map(str::to_owned)
            .collect();
        let libraries =
            Dependencies::parse(&depends.stdout).missing_libraries(&packages, &installed);
        packages.extend(libraries);
        Ok(packages)
    }

    fn download(&self, packages: &[String], progress: &mut Progress) -> Result<(), FetchError> {
        let folder = self.work.join("packages");
        let command = |arguments: &[&str]| {
            let mut command = self.apt("apt-get", arguments);
            command.args(packages).current_dir(&folder);
            command
        };
        let announced = self.run(command(&["--print-uris", "download"]))?;
        let total = announced.stdout.lines().filter_map(size).sum();
        progress.step(&format!("downloading {} packages", packages.len()));
        let download = command(&["download"]);
        self.tools.run(download, self.work, || {
            progress.downloaded(bytes_in(&folder), total);
        })?;
        Ok(())
    }

    /// Returns the file names of the packages.
    fn unpack_all(&self, tree: &Path) -> Result<Vec<String>, FetchError> {
        let folder = self.work.join("packages");
        let listed = fs::read_dir(&folder).map_err(FetchError::io("list", &folder))?;
        let mut names = Vec::new();
        for entry in listed.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".deb") {
                continue;
            }
            let mut dpkg = self.tools.command("dpkg", self.work);
            dpkg.arg("-x").arg(entry.path()).arg(tree);
            self.run(dpkg)?;
            names.push(name);
        }
        Ok(names)
    }

    fn apt(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.tools.command(program, self.work);
        command.arg("-qq");
        for setting in self.settings() {
            command.arg("-o").arg(setting);
        }
        command.args(arguments);
        command
    }

    fn settings(&self) -> Vec<OsString> {
        let private = |name: &str, folder: &str| {
            let mut setting = OsString::from(name);
            setting.push(self.work.join(folder));
            setting
        };
        let mut settings =
            vec![private("Dir::State::Lists=", "lists"), private("Dir::Cache=", "cache")];
        settings.extend(SETTINGS.map(OsString::from));
        if geteuid().is_root() {
            // The user _apt cannot write to our folders.
            settings.push("APT::Sandbox::User=root".into());
        }
        settings
    }

    fn run(&self, command: Command) -> Result<Output, FetchError> {
        self.tools.run(command, self.work, || {})
    }
}

/// Parses a line such as `postgresql-15 - The World's Most Advanced Open Source Relational Database`.
fn major_version(line: &str) -> Option<u16> {
    let name = line.split_whitespace().next()?;
    name.strip_prefix("postgresql-")?.parse().ok()
}

/// Parses the size in bytes from a line such as `'http://…/libpq5_15.13-0%2bdeb12u1_amd64.deb' libpq5_15.13-0+deb12u1_amd64.deb 189000 SHA256:…`.
fn size(line: &str) -> Option<u64> {
    line.split_whitespace().nth(2)?.parse().ok()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.len()));
    sizes.sum()
}

/// Removes the JIT compiler. Its library (LLVM) is not downloaded, and with the compiler alone the first query that uses it
/// would fail; without it PostgreSQL does not use JIT.
fn remove_jit(tree: &Path, major: u16) -> Result<(), FetchError> {
    let library = tree.join(format!("usr/lib/postgresql/{major}/lib/llvmjit.so"));
    match fs::remove_file(&library) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", &library)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_apt_is_parsed() {
        assert_eq!(major_version("postgresql-15 - The World's Most"), Some(15));
        assert_eq!(major_version("postgresql-15-cron - Run"), None);
        let line = "'http://h/libpq5_15%2b1_amd64.deb' libpq5_15+1_amd64.deb 189000 SHA256:ab";
        assert_eq!(size(line), Some(189_000));
        assert_eq!(size("Reading package lists..."), None);
    }

    #[test]
    fn apt_uses_private_folders_and_requires_signatures() {
        let tools = Tools::from_environment();
        let command = Apt::new(&tools, Path::new("/scratch")).apt("apt-get", &["update"]);
        let arguments: Vec<_> = command.get_args().filter_map(|text| text.to_str()).collect();
        for setting in [
            "Dir::State::Lists=/scratch/lists",
            "Dir::Cache=/scratch/cache",
            "Debug::NoLocking=1",
            "APT::Get::AllowUnauthenticated=false",
        ] {
            assert!(arguments.windows(2).any(|pair| pair == ["-o", setting]), "{arguments:?}");
        }
        assert_eq!(arguments.last(), Some(&"update"));
    }
}
