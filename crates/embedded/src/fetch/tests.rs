//! Tests with the real apt and dpkg on a local repository: they need no network. On systems without them the tests print
//! that they were skipped.

use std::{
    ffi::OsString, fs, os::unix::fs::PermissionsExt as _, process::Command, sync::Arc, thread,
};

use tempfile::TempDir;

use super::*;

const REQUIREMENT: VersionRequirement = VersionRequirement { minimum: 15, exact: None };

/// A repository with packages whose programs only print their version, and a system in which nothing is installed.
struct Repository {
    folder: TempDir,
    packages: String,
}

impl Repository {
    /// `None` if the tools are not installed.
    #[expect(clippy::print_stderr, reason = "a skipped test prints the reason")]
    fn new() -> Option<Self> {
        let tools = Tools::from_environment();
        let needed = ["apt-get", "apt-cache", "dpkg", "dpkg-query", "dpkg-deb"];
        if !needed.iter().all(|program| tools.has(program)) {
            eprintln!("skipped: this system has no apt-get, dpkg or dpkg-deb");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["repository", "dpkg", "cache"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("dpkg/status"), "").unwrap();
        Some(Self { folder, packages: String::new() })
    }

    /// Adds PostgreSQL, which depends on the library package `libtz1`.
    fn with_postgres(mut self, major: u16, version: &str) -> Self {
        let programs = format!("usr/lib/postgresql/{major}");
        // The program needs a file of the library package, which it finds with the library path.
        let script = format!(
            "#!/bin/sh\nfor folder in $(echo \"$LD_LIBRARY_PATH\" | tr : ' '); do\n\
             [ -e \"$folder/libtz.so.1\" ] && exec echo 'postgres (PostgreSQL) {version}'\ndone\n\
             echo 'libtz.so.1: cannot open shared object file' >&2; exit 127\n"
        );
        let files = [
            (format!("{programs}/bin/postgres"), script.as_str()),
            (format!("{programs}/bin/initdb"), "#!/bin/sh\n"),
            (format!("{programs}/lib/llvmjit.so"), ""),
        ];
        let (server, client) =
            (format!("postgresql-{major}"), format!("postgresql-client-{major}"));
        self.add(
            &server,
            version,
            &format!("{client}, postgresql-common, libtz1, libllvm14"),
            &files,
        );
        self.add(&client, version, "libtz1", &[(format!("{programs}/bin/psql"), "#!/bin/sh\n")]);
        self
    }

    fn with_libraries(mut self) -> Self {
        self.add(
            "libtz1",
            "1",
            "libdeep1",
            &[("usr/lib/x86_64-linux-gnu/libtz.so.1".to_owned(), "")],
        );
        self.add("libdeep1", "1", "", &[("usr/lib/x86_64-linux-gnu/libdeep.so.1".to_owned(), "")]);
        for unwanted in ["postgresql-common", "libllvm14"] {
            self.add(unwanted, "1", "", &[(format!("usr/share/{unwanted}"), "")]);
        }
        self
    }

    fn add(&mut self, name: &str, version: &str, depends: &str, files: &[(String, &str)]) {
        let build = self.folder.path().join("build").join(name);
        let control = build.join("DEBIAN/control");
        fs::create_dir_all(control.parent().unwrap()).unwrap();
        let depends =
            if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        let stanza = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: test <test@localhost>\n{depends}Description: test\n"
        );
        fs::write(control, &stanza).unwrap();
        for (path, content) in files {
            let path = build.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let file = format!("{name}_{version}_all.deb");
        let package = self.folder.path().join("repository").join(&file);
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(&build)
            .arg(&package));
        let digest = run(Command::new("sha256sum").arg(&package));
        let digest = digest.split(' ').next().unwrap();
        let size = fs::metadata(&package).unwrap().len();
        self.packages
            .push_str(&format!("{stanza}Filename: ./{file}\nSize: {size}\nSHA256: {digest}\n\n"));
    }

    /// The tools, configured for this repository only. `trust` is the option of the source line.
    fn tools(&self, trust: &str) -> Tools {
        let path = |name: &str| self.folder.path().join(name);
        fs::write(path("repository/Packages"), &self.packages).unwrap();
        let digest = run(Command::new("sha256sum").arg(path("repository/Packages")));
        let (digest, size) = (digest.split(' ').next().unwrap(), self.packages.len());
        let release = format!(
            "Origin: test\nDate: Fri, 27 Nov 2026 00:00:00 UTC\nSHA256:\n {digest} {size} Packages\n"
        );
        fs::write(path("repository/Release"), release).unwrap();
        let source = format!("deb {trust} file:{} ./\n", path("repository").display());
        fs::write(path("sources.list"), source).unwrap();
        let settings = format!(
            "Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"-\";\nDir::State::status \"{}\";\n",
            path("sources.list").display(),
            path("dpkg/status").display()
        );
        fs::write(path("apt.conf"), settings).unwrap();
        let variables = [
            ("PATH", std::env::var_os("PATH").unwrap()),
            ("APT_CONFIG", path("apt.conf").into_os_string()),
            ("DPKG_ADMINDIR", path("dpkg").into_os_string()),
        ];
        Tools::with_environment(
            variables.into_iter().map(|(name, value)| (OsString::from(name), value)),
        )
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn fetch(&self, tools: &Tools, requirement: VersionRequirement) -> Result<PathBuf, FetchError> {
        fetch_with(tools, &[self.cache()], None, requirement)
    }

    /// The names in the cache.
    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const TRUSTED: &str = "[trusted=yes]";

#[test]
fn the_newest_version_is_fetched_with_its_missing_libraries_and_nothing_else() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(14, "14.9").with_postgres(15, "15.4");
    let repository = repository.with_postgres(16, "16.1").with_libraries();
    let tree = repository.fetch(&repository.tools(TRUSTED), REQUIREMENT).unwrap();
    assert_eq!(repository.cached(), ["lock", "postgresql-16_16.1_all"]);
    assert_eq!(tree, repository.cache().join("postgresql-16_16.1_all"));
    let found = binaries::in_tree(&tree);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].major(), 16);
    assert!(found[0].program("psql").is_file());
    for (path, exists) in [
        ("usr/lib/x86_64-linux-gnu/libdeep.so.1", true),
        ("usr/share/postgresql-common", false),
        ("usr/share/libllvm14", false),
        ("usr/lib/postgresql/16/lib/llvmjit.so", false),
    ] {
        assert_eq!(tree.join(path).exists(), exists, "{path}");
    }
    let exact = VersionRequirement { exact: Some(15), ..REQUIREMENT };
    let older = repository.fetch(&repository.tools(TRUSTED), exact).unwrap();
    assert!(older.ends_with("postgresql-15_15.4_all"));
}

#[test]
fn a_cached_version_is_used_without_the_package_manager() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(15, "15.4").with_libraries();
    let first = repository.fetch(&repository.tools(TRUSTED), REQUIREMENT).unwrap();
    fs::remove_dir_all(repository.folder.path().join("repository")).unwrap();
    fs::create_dir(repository.folder.path().join("repository")).unwrap();
    let again = repository.fetch(&repository.tools(TRUSTED), REQUIREMENT).unwrap();
    assert_eq!(again, first);
}

#[test]
fn an_unsigned_repository_is_rejected() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(15, "15.4").with_libraries();
    let tools = repository.tools("");
    // The configuration of the system cannot permit it.
    let configuration = repository.folder.path().join("apt.conf");
    let mut settings = fs::read_to_string(&configuration).unwrap();
    settings.push_str(
        "APT::Get::AllowUnauthenticated \"true\";\nAcquire::AllowInsecureRepositories \"true\";\n",
    );
    fs::write(configuration, settings).unwrap();
    let error = repository.fetch(&tools, REQUIREMENT).unwrap_err();
    assert!(error.to_string().contains("not signed"), "{error}");
    assert_eq!(repository.cached(), ["lock"]);
}

#[test]
fn a_package_with_a_wrong_checksum_is_rejected() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(15, "15.4").with_libraries();
    let tools = repository.tools(TRUSTED);
    let package = repository.folder.path().join("repository/libtz1_1_all.deb");
    let mut bytes = fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(package, bytes).unwrap();
    let error = repository.fetch(&tools, REQUIREMENT).unwrap_err();
    assert!(matches!(error, FetchError::ToolFailed { .. }), "{error}");
    assert_eq!(repository.cached(), ["lock"]);
}

#[test]
fn an_old_version_and_programs_that_do_not_run_are_rejected_with_the_reason() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(14, "14.9");
    let error = repository.fetch(&repository.tools(TRUSTED), REQUIREMENT).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("no postgresql-15 or newer"), "{message}");
    // No package contains the library.
    let mut repository = repository.with_postgres(15, "15.4");
    repository.add("libtz1", "1", "", &[("usr/share/empty".to_owned(), "")]);
    let error = repository.fetch(&repository.tools(TRUSTED), REQUIREMENT).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("libtz.so.1: cannot open"), "{message}");
    assert_eq!(repository.cached(), ["lock"]);
}

#[test]
fn an_interrupted_download_is_repeated_and_concurrent_ones_share_the_result() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(15, "15.4").with_libraries();
    let incomplete = repository.cache().join("fetch-1/tree/usr/lib/postgresql/15/bin");
    fs::create_dir_all(&incomplete).unwrap();
    fs::write(incomplete.join("postgres"), "incomplete").unwrap();
    let repository = Arc::new(repository);
    let tools = Arc::new(repository.tools(TRUSTED));
    let fetches: Vec<_> = (0..3)
        .map(|_| {
            let (repository, tools) = (Arc::clone(&repository), Arc::clone(&tools));
            thread::spawn(move || repository.fetch(&tools, REQUIREMENT).unwrap())
        })
        .collect();
    for fetch in fetches {
        assert!(fetch.join().unwrap().ends_with("postgresql-15_15.4_all"));
    }
    assert_eq!(repository.cached(), ["lock", "postgresql-15_15.4_all"]);
}

#[test]
fn a_folder_that_other_users_may_write_to_is_not_used() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let repository = repository.with_postgres(15, "15.4").with_libraries();
    let open = repository.folder.path().join("open");
    fs::create_dir_all(open.join("postgresql-99/usr/lib/postgresql/99/bin")).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(unpacked_trees(&open).is_empty());
    let tools = repository.tools(TRUSTED);
    let tree = fetch_with(&tools, &[open.clone(), repository.cache()], None, REQUIREMENT).unwrap();
    assert!(tree.starts_with(repository.cache()));
    let error = fetch_with(&tools, &[open], None, REQUIREMENT).unwrap_err();
    assert!(error.to_string().contains("other users may write to it"), "{error}");
}

#[test]
fn a_system_without_a_package_manager_is_an_error() {
    let tools = Tools::with_environment(std::iter::empty());
    let error = fetch_with(&tools, &[], None, REQUIREMENT).unwrap_err();
    assert!(matches!(error, FetchError::NoPackageManager));
}
