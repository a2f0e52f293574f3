//! What the configuration takes, and from where.

use std::{
    ffi::OsString, fs, net::SocketAddr, os::unix::ffi::OsStringExt as _, path::Path, time::Duration,
};

use super::{Database, LogFormat, Settings};

fn load(file: Option<&Path>, variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::merge(file, variables)
}

fn refusal(variables: &[(&str, &str)]) -> String {
    format!("{:#}", load(None, variables).unwrap_err())
}

/// No field has a default in Rust, and unknown ones are refused: the file has every key, and no other.
#[test]
fn default_toml_is_complete() {
    let settings = load(None, &[]).unwrap();
    let listen: SocketAddr = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(settings.http.listen, listen);
    assert_eq!(settings.data_dir, Path::new("./data"));
    assert_eq!(settings.http.max_body_bytes, 1_048_576);
    assert_eq!(settings.log.format, LogFormat::Pretty);
    assert!(!settings.auth.has_issuer() && settings.database_url.is_none());
}

#[test]
fn production_example_toml_is_accepted() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/production.example.toml"
    );
    let settings = load(Some(Path::new(example)), &[]).unwrap();
    assert!(settings.auth.has_issuer());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowruns.toml");
    fs::write(
        &file,
        "[http]\nmax_body_bytes = 2048\ndrain_timeout_ms = 7\n",
    )
    .unwrap();
    let variables = [
        ("FLOWRUNS_CONFIG", file.to_str().unwrap()),
        ("FLOWRUNS_HTTP__MAX_BODY_BYTES", "4096"),
        ("FLOWRUNS_HTTP__REQUIRE_IF_MATCH", "true"),
    ];
    let settings = load(None, &variables).unwrap();
    assert_eq!(settings.http.max_body_bytes, 4096);
    assert_eq!(settings.http.drain_timeout(), Duration::from_millis(7));
    assert_eq!(settings.http.request_timeout_ms, 30_000);
    assert!(settings.http.require_if_match);
}

#[test]
fn the_argument_wins_over_the_variable_that_names_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowruns.toml");
    fs::write(&file, "[database]\nmax_connections = 5\n").unwrap();
    let settings = load(Some(&file), &[("FLOWRUNS_CONFIG", "/nowhere.toml")]).unwrap();
    let Database {
        max_connections, ..
    } = settings.database;
    assert_eq!(max_connections, 5);
    assert!(refusal(&[("FLOWRUNS_CONFIG", "/nowhere.toml")]).contains("/nowhere.toml"));
}

#[test]
fn trusted_proxies_are_networks_and_addresses() {
    let default = load(None, &[]).unwrap().http.trusted_proxies;
    assert_eq!(default.len(), 2);
    for (value, expected) in [
        (
            "10.0.0.0/8, fd00::/8,192.0.2.7",
            "10.0.0.0/8 fd00::/8 192.0.2.7/32",
        ),
        ("::1", "::1/128"),
        ("", ""),
    ] {
        let settings = load(None, &[("FLOWRUNS_HTTP__TRUSTED_PROXIES", value)]).unwrap();
        let networks = settings
            .http
            .trusted_proxies
            .iter()
            .map(ToString::to_string);
        assert_eq!(networks.collect::<Vec<_>>().join(" "), expected);
    }
    let refused = refusal(&[("FLOWRUNS_HTTP__TRUSTED_PROXIES", "proxy.example")]);
    assert!(refused.contains("proxy.example"), "{refused}");
}

#[test]
fn an_admin_address_is_set_by_the_file_or_the_environment_and_may_be_empty() {
    let default = load(None, &[]).unwrap().admin;
    assert_eq!(default.listen, "127.0.0.1:8081".parse().ok());
    assert!(!default.is_set);
    for (value, expected) in [("127.0.0.1:8081", default.listen), ("", None)] {
        let admin = load(None, &[("FLOWRUNS_ADMIN__LISTEN", value)])
            .unwrap()
            .admin;
        assert!(admin.is_set);
        assert_eq!(admin.listen, expected);
    }
    let refused = refusal(&[("FLOWRUNS_ADMIN__LISTEN", "8081")]);
    assert!(refused.contains("127.0.0.1:8081"), "{refused}");
}

#[test]
fn an_unknown_name_is_refused_by_name() {
    assert!(refusal(&[("FLOWRUNS_LISTEN", "x")]).contains("listen"));
    assert!(refusal(&[("FLOWRUNS_HTTP__LISTN", "x")]).contains("listn"));
}

#[test]
fn the_database_url_is_never_shown_and_nothing_when_empty() {
    let url = "postgres://u:00123@host/db";
    let settings = load(None, &[("DATABASE_URL", url)]).unwrap();
    let shown = serde_json::to_string(&settings).unwrap();
    assert!(settings.database_url.is_some());
    assert!(!shown.contains("00123") && !format!("{settings:?}").contains("00123"));
    assert!(
        load(None, &[("DATABASE_URL", "")])
            .unwrap()
            .database_url
            .is_none()
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_without_its_value_and_ignored_in_what_is_not_ours() {
    let broken = || OsString::from_vec(b"secret\xff".to_vec());
    for name in ["DATABASE_URL", "FLOWRUNS_LOG__FILTER"] {
        let refused = Settings::merge(None, [(name.into(), broken())].into_iter()).unwrap_err();
        let message = format!("{refused:#}");
        assert!(
            message.contains(name) && !message.contains("secret"),
            "{message}"
        );
    }
    assert!(Settings::merge(None, [("LESSOPEN".into(), broken())].into_iter()).is_ok());
}
