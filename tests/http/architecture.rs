//! The arrows between the crates.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may depend on whom; any other arrow is a defect.
const ARROWS: &[(&str, &[&str])] = &[
    ("flowruns-domain", &[]),
    ("flowruns-embedded", &[]),
    ("flowruns-admission", &["flowruns-domain"]),
    (
        "flowruns-persistence",
        &["flowruns-admission", "flowruns-domain"],
    ),
    ("flowruns-api", &["flowruns-admission", "flowruns-domain"]),
    (
        "flowruns-testing",
        &[
            "flowruns-domain",
            "flowruns-persistence",
            "flowruns-embedded",
        ],
    ),
    (
        "flowruns-server",
        &[
            "flowruns-api",
            "flowruns-persistence",
            "flowruns-domain",
            "flowruns-embedded",
        ],
    ),
];

/// What the rule book must never see.
const NOT_IN_DOMAIN: [&str; 3] = ["tokio", "sqlx", "axum"];

fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .unwrap();
    let normal = |package: &cargo_metadata::Package| {
        let dependencies = package.dependencies.iter();
        dependencies
            .filter(|d| d.kind == DependencyKind::Normal)
            .map(|d| d.name.clone())
            .collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let arrows = arrows();
    for (name, dependencies) in &arrows {
        let ours: BTreeSet<_> = dependencies
            .iter()
            .filter(|d| d.starts_with("flowruns-"))
            .map(String::as_str)
            .collect();
        let Some((_, allowed)) = ARROWS.iter().find(|(crate_name, _)| crate_name == name) else {
            assert_eq!(
                name, "integration-tests",
                "a crate that is not in the drawing"
            );
            continue;
        };
        let allowed: BTreeSet<_> = allowed.iter().copied().collect();
        assert!(
            ours.is_subset(&allowed),
            "{name} may depend on {allowed:?}, not on {ours:?}"
        );
    }
    assert!(arrows.len() > ARROWS.len());
}

#[test]
fn the_domain_sees_no_runtime_no_database_and_no_http() {
    let domain = &arrows()["flowruns-domain"];
    for name in NOT_IN_DOMAIN {
        assert!(!domain.contains(name), "{name}");
    }
}
