//! The diagram of the crates in `docs/architecture.md` agrees with `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

const PAGE: &str = include_str!("../../docs/architecture.md");

/// The package of the tests of the whole system, which is not in the diagram.
const TESTS: &str = "integration-tests";

/// What the domain must not depend on.
const NOT_IN_DOMAIN: [&str; 3] = ["tokio", "sqlx", "axum"];

/// From, to and whether the dependency is optional. The names have no `flowruns-`.
type Arrow = (String, String, bool);

/// The dependencies of each package of the workspace that are not for tests or builds, and whether each is optional.
fn dependencies() -> BTreeMap<String, Vec<(String, bool)>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    let metadata = command.manifest_path(manifest).no_deps().exec().unwrap();
    let normal = |package: &cargo_metadata::Package| {
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|dependency| dependency.kind == DependencyKind::Normal)
            .map(|dependency| (dependency.name.clone(), dependency.optional))
            .collect()
    };
    let packages = metadata.packages.iter();
    packages
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
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `flowruns-")?.split_once('`'));
    let described: BTreeSet<_> = rows.map(|(name, _)| format!("flowruns-{name}")).collect();
    let packages: BTreeSet<_> = dependencies().into_keys().collect();
    assert_eq!(described, packages);
}

#[test]
fn architecture_keeps_runtime_database_and_http_out_of_the_domain() {
    let dependencies = &dependencies()["flowruns-domain"];
    for name in NOT_IN_DOMAIN {
        let found = dependencies.iter().any(|(known, _)| known == name);
        assert!(!found, "flowruns-domain depends on {name}");
    }
}
