//! `docs/architecture.md` and `docs/crates.md` agree with `cargo metadata` and the folders of tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

const PAGE: &str = include_str!("../../docs/architecture.md");
const CRATES_PAGE: &str = include_str!("../../docs/crates.md");

/// The package of the tests of the whole system, which is not in the diagram.
const TESTS: &str = "integration-tests";

/// What the domain must not depend on.
const NOT_IN_DOMAIN: [&str; 3] = ["tokio", "sqlx", "axum"];

/// From, to and whether the dependency is optional. The names have no `flowruns-`.
type Arrow = (String, String, bool);

/// The packages of the workspace.
fn packages() -> Vec<Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(manifest).no_deps().exec().unwrap().packages
}

/// The names of crates that begin the rows of a table.
fn crates_of_rows(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `flowruns-")?.split_once('`'));
    rows.map(|(name, _)| format!("flowruns-{name}")).collect()
}

/// The dependencies of each package of the workspace that are not for tests or builds, and whether each is optional.
fn dependencies() -> BTreeMap<String, Vec<(String, bool)>> {
    let normal = |package: &Package| {
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| (dependency.name.clone(), dependency.optional))
            .collect()
    };
    let packages = packages();
    packages
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .filter(|(name, _)| name != TESTS)
        .collect()
}

fn actual_arrows() -> BTreeSet<Arrow> {
    let short = |name: &str| name.strip_prefix("flowruns-").map(str::to_owned);
    let mut arrows = BTreeSet::new();
    for (from, dependencies) in dependencies() {
        for (to, optional) in dependencies {
            if let (Some(from), Some(to)) = (short(&from), short(&to)) {
                arrows.insert((from, to, optional));
            }
        }
    }
    arrows
}

/// The arrows of the first diagram of the page, one on a line: `api --> domain`, or `-.->` for an optional dependency.
fn documented_arrows() -> BTreeSet<Arrow> {
    let (_, drawing) = PAGE.split_once("```mermaid\n").unwrap();
    let (drawing, _) = drawing.split_once("\n```").unwrap();
    let arrow = |line: &str| {
        let parts: Vec<_> = line.split_whitespace().collect();
        match *parts.as_slice() {
            [from, "-->", to] => (from.to_owned(), to.to_owned(), false),
            [from, "-.->", to] => (from.to_owned(), to.to_owned(), true),
            _ => panic!("docs/architecture.md: {line:?} is not an arrow between two crates"),
        }
    };
    // The first line names the kind of diagram.
    drawing.lines().skip(1).map(arrow).collect()
}

/// Lines to paste into the diagram.
fn lines(arrows: &BTreeSet<Arrow>) -> String {
    let line = |(from, to, optional): &Arrow| {
        let arrow = if *optional { "-.->" } else { "-->" };
        format!("    {from} {arrow} {to}\n")
    };
    arrows.iter().map(line).collect()
}

#[test]
fn architecture_page_shows_the_dependencies_of_the_crates() {
    let (documented, actual) = (documented_arrows(), actual_arrows());
    assert!(
        documented == actual,
        "docs/architecture.md differs from the manifests\nmissing:\n{}not a dependency:\n{}the whole drawing:\n{}",
        lines(&actual.difference(&documented).cloned().collect()),
        lines(&documented.difference(&actual).cloned().collect()),
        lines(&actual)
    );
}

#[test]
fn architecture_page_describes_every_crate() {
    let packages: BTreeSet<_> = dependencies().into_keys().collect();
    assert_eq!(crates_of_rows(PAGE), packages);
}

#[test]
fn page_of_crates_says_what_every_library_is_for() {
    let libraries = packages().into_iter().filter(|package| {
        package.name.as_str() != TESTS && package.targets.iter().any(|target| target.is_lib())
    });
    let libraries: BTreeSet<_> = libraries.map(|package| package.name.to_string()).collect();
    assert_eq!(crates_of_rows(CRATES_PAGE), libraries);
}

#[test]
fn architecture_page_describes_every_folder_of_tests() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `tests/"));
    // The first cell may name several folders.
    let first_cells = rows.filter_map(|line| line.split('|').nth(1));
    let described: BTreeSet<String> = first_cells
        .flat_map(|cell| cell.split('`').filter_map(|part| part.strip_prefix("tests/")))
        .map(str::to_owned)
        .collect();
    let entries = fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let folders: BTreeSet<_> =
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(described, folders);
}

#[test]
fn architecture_keeps_runtime_database_and_http_out_of_the_domain() {
    let dependencies = &dependencies()["flowruns-domain"];
    for name in NOT_IN_DOMAIN {
        let found = dependencies.iter().any(|(known, _)| known == name);
        assert!(!found, "flowruns-domain depends on {name}");
    }
}
