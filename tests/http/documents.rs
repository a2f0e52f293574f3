//! The documentation agrees with the files that it describes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

const DEFAULTS: &str = include_str!("../../config/default.toml");
const CONFIGURATION: &str = include_str!("../../docs/configuration.md");

/// The pages, by their path relative to the root of the workspace. The changelog names what no longer exists.
const PAGES: [(&str, &str); 11] = [
    ("README.md", include_str!("../../README.md")),
    ("SECURITY.md", include_str!("../../SECURITY.md")),
    ("deploy/README.md", include_str!("../../deploy/README.md")),
    ("docs/api.md", include_str!("../../docs/api.md")),
    ("docs/architecture.md", include_str!("../../docs/architecture.md")),
    ("docs/configuration.md", CONFIGURATION),
    ("docs/crates.md", include_str!("../../docs/crates.md")),
    ("docs/dashboard.md", include_str!("../../docs/dashboard.md")),
    ("docs/operations.md", include_str!("../../docs/operations.md")),
    ("docs/performance.md", include_str!("../../docs/performance.md")),
    ("docs/reporting.md", include_str!("../../docs/reporting.md")),
];

/// Folders of the workspace: code that begins with one of them is a path.
const FOLDERS: [&str; 6] = ["config", "crates", "deploy", "docs", "migrations", "tests"];

/// The keys of a configuration file with their values, such as `http.listen`.
fn keys(table: &Table) -> BTreeMap<String, Value> {
    let mut keys = BTreeMap::new();
    for (name, value) in table {
        match value {
            Value::Table(section) => {
                let of_section = self::keys(section).into_iter();
                keys.extend(of_section.map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => {
                keys.insert(name.clone(), value.clone());
            }
        }
    }
    keys
}

/// The text of a cell without the backticks of code.
fn code(cell: &str) -> &str {
    cell.trim().trim_matches('`')
}

/// The rows of the page that describe keys: key, default and environment variable.
fn described_keys() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CONFIGURATION.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split('|').collect();
        match *cells.as_slice() {
            [key, default, _unit, variable, _meaning, _end] => {
                Some((code(key), code(default), code(variable)))
            }
            _ => None,
        }
    })
}

#[test]
fn the_configuration_page_lists_every_key_with_its_default_and_no_other() {
    let described = described_keys().map(|(key, default, _)| {
        let default: Table = format!("default = {default}").parse().unwrap();
        (key.to_owned(), default["default"].clone())
    });
    assert_eq!(described.collect::<BTreeMap<_, _>>(), keys(&DEFAULTS.parse().unwrap()));
}

#[test]
fn the_configuration_page_names_the_environment_variable_of_each_key() {
    for (key, _, variable) in described_keys() {
        // The environment cannot hold tables.
        let expected = match key {
            "auth.issuers" | "limits.overrides" => "file only".to_owned(),
            _ => format!("FLOWRUNS_{}", key.replace('.', "__").to_uppercase()),
        };
        assert_eq!(variable, expected, "{key}");
    }
}

/// The relative links of a page, and the files and folders of the workspace that it names as code.
fn named_files<'a>(page: &Path, text: &'a str) -> Vec<(&'a str, PathBuf)> {
    let folder = page.parent().unwrap();
    let links = text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#']).next()?;
        let is_file = !target.is_empty() && !target.contains("://");
        is_file.then(|| (target, folder.join(target)))
    });
    let code = text.split('`').skip(1).step_by(2).filter_map(|code| {
        let (first, _) = code.split_once('/')?;
        let is_path = FOLDERS.contains(&first) && !code.contains([' ', '\n', '*', '{', '…']);
        is_path.then(|| (code, PathBuf::from(code)))
    });
    links.chain(code).collect()
}

#[test]
fn the_pages_name_only_files_that_exist() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut missing = Vec::new();
    for (page, text) in PAGES {
        let files = named_files(Path::new(page), text).into_iter();
        let absent = files.filter(|(_, file)| !root.join(file).exists());
        missing.extend(absent.map(|(name, _)| format!("{page} names {name}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
