//! The dependencies agree with `deny.toml`, checked without network access.

use std::{collections::BTreeSet, path::Path, process::Command};

use spdx::{Expression, ParseMode};
use toml::{Table, Value};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn table(file: &str) -> Table {
    let text = std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
    text.parse().unwrap()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Name and licence of each crate that is built on this machine, whatever features are on.
fn crates() -> BTreeSet<(String, String)> {
    let shown = ["--prefix", "none", "--format", "{p}|{l}"];
    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["tree", "--locked", "--workspace", "--all-features", "-e", "normal,build,dev"])
        .args(shown)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('|'));
    let crates: BTreeSet<_> = lines
        .map(|(package, licence)| {
            let name = package.split(' ').next().unwrap().to_owned();
            (name, licence.trim_end_matches(" (*)").to_owned())
        })
        .collect();
    assert!(crates.len() > 100, "{crates:?}");
    crates
}

#[test]
fn the_allowed_licences_are_those_of_the_dependencies() {
    let deny = table("deny.toml");
    let allowed = texts(&deny["licenses"]["allow"]);
    let mut needed = BTreeSet::new();
    for (name, licence) in crates() {
        let terms = Expression::parse_mode(&licence, ParseMode::LAX).unwrap();
        let is_allowed = terms.evaluate(|term| {
            let text = term.to_string();
            let is_allowed = allowed.get(text.as_str());
            needed.extend(is_allowed.copied());
            is_allowed.is_some()
        });
        assert!(is_allowed, "{name} is under {licence}");
    }
    assert_eq!(needed, allowed);
}

#[test]
fn no_banned_crate_is_a_dependency() {
    let deny = table("deny.toml");
    let banned = deny["bans"]["deny"].as_array().unwrap();
    let banned: BTreeSet<_> = banned.iter().map(|ban| ban["crate"].as_str().unwrap()).collect();
    assert!(banned.contains("ring"));
    for (name, _) in crates() {
        assert!(!banned.contains(name.as_str()), "{name}");
    }
}

/// A crate without a source is one of this repository.
#[test]
fn every_crate_is_from_an_allowed_source() {
    let (deny, lock) = (table("deny.toml"), table("Cargo.lock"));
    let allowed = texts(&deny["sources"]["allow-registry"]);
    let mut foreign = 0;
    for package in lock["package"].as_array().unwrap() {
        let Some(source) = package.get("source").and_then(Value::as_str) else {
            continue;
        };
        let registry = source.strip_prefix("registry+");
        assert!(registry.is_some_and(|registry| allowed.contains(registry)), "{package:?}");
        assert!(package.get("checksum").is_some(), "{package:?}");
        foreign += 1;
    }
    assert!(foreign > 100, "{foreign}");
}
