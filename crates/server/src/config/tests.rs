//! Which values the configuration accepts, and which source wins.

mod names;

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{LogFormat, Settings, StorageSettings};

fn load(file: Option<&Path>, variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let variables =
        variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::merge(file, variables)
}

/// A file with this text, in a folder that is removed when it is dropped.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowruns.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

fn rejection(variables: &[(&str, &str)]) -> String {
    format!("{:#}", load(None, variables).unwrap_err())
}

/// No field has a default in Rust and unknown keys are rejected, so the file has exactly the keys that exist.
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
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/production.example.toml");
    let settings = load(Some(Path::new(example)), &[]).unwrap();
    assert!(settings.auth.has_issuer());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let (_folder, file) = file("[http]\nmax_body_bytes = 2048\ndrain_timeout_ms = 7\n");
    let variables = [
        ("FLOWRUNS_CONFIG", file.to_str().unwrap()),
        ("FLOWRUNS_HTTP__MAX_BODY_BYTES", "4096"),
        ("FLOWRUNS_HTTP__REQUIRE_IF_MATCH", "true"),
    ];
    let settings = load(None, &variables).unwrap();
    assert_eq!(settings.http.max_body_bytes, 4096);
    assert_eq!(settings.http.listen_options().drain_timeout, Duration::from_millis(7));
    assert_eq!(settings.http.request_timeout_ms.duration(), Duration::from_secs(30));
    assert!(settings.http.require_if_match);
}

#[test]
fn the_argument_wins_over_the_variable_that_names_a_file() {
    let (_folder, file) = file("[database]\nmax_connections = 5\n");
    let settings = load(Some(&file), &[("FLOWRUNS_CONFIG", "/nowhere.toml")]).unwrap();
    assert_eq!(settings.database.max_connections, 5);
    assert!(rejection(&[("FLOWRUNS_CONFIG", "/nowhere.toml")]).contains("/nowhere.toml"));
}

#[test]
fn numbers_and_flags_may_be_text_and_no_other_value_is_converted() {
    let (bytes, flag) = ("http.max_body_bytes", "http.require_if_match");
    let set = |key: &str, value: &str| {
        let (section, name) = key.split_once('.').unwrap();
        let (_folder, file) = file(&format!("[{section}]\n{name} = {value}\n"));
        load(Some(&file), &[])
    };
    for value in ["4096", "'4096'", "' 4096 '"] {
        assert_eq!(set(bytes, value).unwrap().http.max_body_bytes, 4096, "{value}");
    }
    for value in ["true", "'true'", "' true '"] {
        assert!(set(flag, value).unwrap().http.require_if_match, "{value}");
    }
    for value in ["4096.0", "true", "'yes'", "'4096.5'", "-4096", "'-4096'", "''", "[]"] {
        assert!(set(bytes, value).is_err(), "{value}");
    }
    for value in ["1", "1.0", "'1'", "'on'", "'TRUE'", "''", "[]"] {
        assert!(set(flag, value).is_err(), "{value}");
    }
}

#[test]
fn trusted_proxies_are_networks_and_addresses() {
    let default = load(None, &[]).unwrap().http.trusted_proxies;
    assert_eq!(default.len(), 2);
    for (value, expected) in [
        ("10.0.0.0/8, fd00::/8,192.0.2.7", "10.0.0.0/8 fd00::/8 192.0.2.7/32"),
        ("::1", "::1/128"),
        ("", ""),
    ] {
        let settings = load(None, &[("FLOWRUNS_HTTP__TRUSTED_PROXIES", value)]).unwrap();
        let networks = settings.http.trusted_proxies.iter().map(ToString::to_string);
        assert_eq!(networks.collect::<Vec<_>>().join(" "), expected);
    }
    let rejected = rejection(&[("FLOWRUNS_HTTP__TRUSTED_PROXIES", "proxy.example")]);
    assert!(rejected.contains("proxy.example"), "{rejected}");
}

#[test]
fn cors_origins_are_listed_in_a_file_or_with_commas_and_each_is_an_origin() {
    let shown = |settings: &Settings| {
        let origins = settings.http.cors_origins.iter();
        origins.map(|origin| origin.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert!(shown(&load(None, &[]).unwrap()).is_empty());
    let variable = "FLOWRUNS_HTTP__CORS_ORIGINS";
    let expected = ["https://app.example", "http://localhost:3000"];
    let listed = [(variable, "https://App.example:443, http://localhost:3000")];
    assert_eq!(shown(&load(None, &listed).unwrap()), expected);
    let (_folder, file) = file(&format!("[http]\ncors_origins = {expected:?}\n"));
    let settings = load(Some(&file), &[]).unwrap();
    assert_eq!(shown(&settings), expected);
    let report = serde_json::to_value(&settings).unwrap();
    assert_eq!(report["http"]["cors_origins"], serde_json::json!(expected));
    for wrong in ["*", "null", "app.example", "https://app.example/path", "https://app.example/"] {
        let rejected = rejection(&[(variable, wrong)]);
        assert!(rejected.contains(wrong) && rejected.contains("an origin is"), "{rejected}");
    }
}

#[test]
fn an_issuer_needs_an_audience_and_one_trusted_location_of_its_keys() {
    let issuer = |others: &[(&'static str, &'static str)]| {
        let mut variables = vec![
            ("FLOWRUNS_AUTH__ISSUER", "https://issuer.example/"),
            ("FLOWRUNS_AUTH__AUDIENCE", "api://flowruns"),
        ];
        variables.extend(others);
        load(None, &variables)
    };
    const JWKS_URL: &str = "FLOWRUNS_AUTH__JWKS_URL";
    const DISCOVERY_URL: &str = "FLOWRUNS_AUTH__DISCOVERY_URL";
    for accepted in [
        &[][..],
        &[(JWKS_URL, "https://10.1.2.3/keys")],
        &[(JWKS_URL, "http://127.0.0.1:9/keys")],
        &[(DISCOVERY_URL, "https://issuer.example/other")],
        &[("FLOWRUNS_AUTH__ISSUER", "http://localhost:9")],
        &[("FLOWRUNS_AUTH__JWKS_FILE", "/keys.json"), ("FLOWRUNS_AUTH__ISSUER", "any")],
    ] {
        assert!(issuer(accepted).is_ok(), "{accepted:?}");
    }
    for (rejected, message) in [
        (&[("FLOWRUNS_AUTH__AUDIENCE", "")][..], "audience"),
        (&[("FLOWRUNS_AUTH__ISSUER", "")], "issuer"),
        (&[("FLOWRUNS_AUTH__ISSUER", "http://issuer.example")], "not https"),
        (&[("FLOWRUNS_AUTH__ISSUER", "issuer")], "not a URL"),
        (&[("FLOWRUNS_AUTH__ISSUER", "https://a.example/{tenantid}/v2.0")], "must say where"),
        (&[(JWKS_URL, "http://10.1.2.3/keys")], "not https"),
        (&[(JWKS_URL, "https://me:pw@a.example/")], "user or password"),
        (&[(DISCOVERY_URL, "file:///etc/passwd")], "not https"),
        (&[(JWKS_URL, "https://a.example/"), (DISCOVERY_URL, "https://a.example/")], "exclude"),
    ] {
        let error = format!("{:#}", issuer(rejected).unwrap_err());
        assert!(error.contains(message), "{rejected:?}: {error}");
    }
}

#[test]
fn people_sign_in_at_one_configured_issuer_with_a_scope_of_openid() {
    const CLIENT_ID: (&str, &str) = ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", "dashboard");
    const ISSUER: &str = "FLOWRUNS_AUTH__ISSUER";
    const SCOPE: &str = "FLOWRUNS_AUTH__DASHBOARD__SCOPE";
    let set = |others: &[(&'static str, &'static str)]| {
        let mut variables = vec![
            (ISSUER, "https://issuer.example/"),
            ("FLOWRUNS_AUTH__AUDIENCE", "api://flowruns"),
        ];
        variables.extend(others);
        load(None, &variables)
    };
    assert!(set(&[]).unwrap().auth.dashboard_issuer().unwrap().is_none());
    let chosen = set(&[CLIENT_ID]).unwrap().auth.dashboard_issuer().unwrap().unwrap();
    assert_eq!(
        (chosen.issuer.as_str(), chosen.scope.as_str()),
        ("https://issuer.example/", "openid profile")
    );
    let expected = "https://issuer.example/.well-known/openid-configuration";
    assert_eq!(chosen.document.as_str(), expected);
    for (others, message) in [
        (
            &[("FLOWRUNS_AUTH__DASHBOARD__ISSUER", "https://other.example")][..],
            "client_id is empty",
        ),
        (
            &[CLIENT_ID, ("FLOWRUNS_AUTH__DASHBOARD__ISSUER", "https://other.example")],
            "not one of the configured issuers",
        ),
        (&[CLIENT_ID, (ISSUER, ""), ("FLOWRUNS_AUTH__AUDIENCE", "")], "without an issuer"),
        (&[CLIENT_ID, (SCOPE, "profile")], "must contain openid"),
        (&[CLIENT_ID, (SCOPE, "openid\n")], "printable"),
        (
            &[CLIENT_ID, ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_SECRET_FILE", "/nowhere")],
            "client_secret_file: /nowhere cannot be used",
        ),
        (
            &[CLIENT_ID, (ISSUER, "any"), ("FLOWRUNS_AUTH__JWKS_FILE", "/keys.json")],
            "the discovery document",
        ),
        (&[CLIENT_ID, ("FLOWRUNS_HTTP__LISTEN", "0.0.0.0:1")], "dashboard.public_url must be"),
    ] {
        let rejected = format!("{:#}", set(others).unwrap_err());
        assert!(rejected.contains(message), "{others:?}: {rejected}");
    }
    let (_folder, file) = file(
        "[[auth.issuers]]\nissuer = 'https://a.example'\naudience = 'a'\n\
         [[auth.issuers]]\nissuer = 'https://b.example'\naudience = 'a'\n",
    );
    let rejected = format!("{:#}", load(Some(&file), &[CLIENT_ID]).unwrap_err());
    assert!(rejected.contains("auth.dashboard.issuer must name"), "{rejected}");
    let choice = ("FLOWRUNS_AUTH__DASHBOARD__ISSUER", "https://b.example");
    let settings = load(Some(&file), &[CLIENT_ID, choice]).unwrap();
    assert_eq!(settings.auth.dashboard_issuer().unwrap().unwrap().issuer, "https://b.example");
}

#[test]
fn a_secret_of_the_dashboard_comes_from_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "s3cret\n").unwrap();
    let variables = [
        ("FLOWRUNS_AUTH__ISSUER", "https://issuer.example/"),
        ("FLOWRUNS_AUTH__AUDIENCE", "api://flowruns"),
        ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_ID", "dashboard"),
        ("FLOWRUNS_AUTH__DASHBOARD__CLIENT_SECRET_FILE", file.to_str().unwrap()),
    ];
    let settings = load(None, &variables).unwrap();
    let issuer = settings.auth.dashboard_issuer().unwrap().unwrap();
    assert_eq!(issuer.client_secret.as_ref().unwrap().expose_secret(), "s3cret");
    let shown = format!("{issuer:?} {settings:?} {}", serde_json::to_string(&settings).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_public_url_is_https_or_http_on_loopback_with_a_path_at_most() {
    let public_url = |text: &str| {
        let settings = load(None, &[("FLOWRUNS_DASHBOARD__PUBLIC_URL", text)])?;
        anyhow::Ok(settings.dashboard.public_url()?.map(String::from))
    };
    assert_eq!(public_url("").unwrap(), None);
    for (text, expected) in [
        ("https://flows.example", "https://flows.example/"),
        ("https://flows.example/team/", "https://flows.example/team"),
        ("http://localhost:8080", "http://localhost:8080/"),
    ] {
        assert_eq!(public_url(text).unwrap().as_deref(), Some(expected));
    }
    for text in
        ["flows.example", "http://flows.example", "https://a.example/?b", "https://u:p@a.example"]
    {
        assert!(public_url(text).is_err(), "{text}");
    }
}

#[test]
fn an_admin_address_is_set_by_the_file_or_the_environment_and_may_be_empty() {
    let default = load(None, &[]).unwrap().admin;
    assert_eq!(default.listen, "127.0.0.1:8081".parse().ok());
    assert!(!default.is_set);
    for (value, expected) in [("127.0.0.1:8081", default.listen), ("", None)] {
        let admin = load(None, &[("FLOWRUNS_ADMIN__LISTEN", value)]).unwrap().admin;
        assert!(admin.is_set);
        assert_eq!(admin.listen, expected);
    }
    let rejected = rejection(&[("FLOWRUNS_ADMIN__LISTEN", "8081")]);
    assert!(rejected.contains("127.0.0.1:8081"), "{rejected}");
}

#[test]
fn a_configuration_file_is_a_regular_file_of_bounded_size() {
    let rejected = format!("{:#}", load(Some(Path::new("/dev/zero")), &[]).unwrap_err());
    assert!(rejected.contains("/dev/zero") && rejected.contains("not a regular file"));
    let rejected = format!("{:#}", load(None, &[("DATABASE_URL_FILE", "/dev/zero")]).unwrap_err());
    assert!(rejected.contains("/dev/zero") && rejected.contains("not a regular file"));
}

#[test]
fn a_command_on_the_database_validates_only_its_settings() {
    let merge = |variables: &[(&str, &str)]| {
        let variables = variables.iter();
        StorageSettings::merge(
            None,
            variables.map(|(name, value)| ((*name).into(), (*value).into())),
        )
    };
    let broken = [
        ("FLOWRUNS_HTTP__LISTEN", "nonsense"),
        ("FLOWRUNS_HTTP__LISTN", "x"),
        ("FLOWRUNS_AUTH__AUDIENCE", "alone"),
        ("FLOWRUNS_DATABASE__WRITERS", "7"),
    ];
    assert_eq!(merge(&broken).unwrap().database.writers, 7);
    for (name, value) in [
        ("FLOWRUNS_DATABASE_URL", "postgres://elsewhere"),
        ("FLOWRUNS_DATABASE__WRITERS", "0"),
        ("FLOWRUNS_EMBEDDED__BINARY", "x"),
    ] {
        assert!(merge(&[(name, value)]).is_err(), "{name}");
    }
}

#[test]
fn an_empty_file_name_means_no_file() {
    assert!(load(None, &[("FLOWRUNS_CONFIG", "")]).is_ok());
}

#[test]
fn the_database_url_is_never_shown_and_is_unset_when_empty() {
    let url = "postgres://u:00123@host/db";
    let settings = load(None, &[("DATABASE_URL", url)]).unwrap();
    let shown = serde_json::to_string(&settings).unwrap();
    assert!(settings.database_url.is_some());
    assert!(!shown.contains("00123") && !format!("{settings:?}").contains("00123"));
    assert!(load(None, &[("DATABASE_URL", "")]).unwrap().database_url.is_none());
}

#[test]
fn a_value_that_is_not_utf8_is_rejected_without_showing_it_and_ignored_in_foreign_variables() {
    let broken = || OsString::from_vec(b"secret\xff".to_vec());
    for name in ["DATABASE_URL", "FLOWRUNS_LOG__FILTER"] {
        let rejected = Settings::merge(None, [(name.into(), broken())].into_iter()).unwrap_err();
        let message = format!("{rejected:#}");
        assert!(message.contains(name) && !message.contains("secret"), "{message}");
    }
    assert!(Settings::merge(None, [("LESSOPEN".into(), broken())].into_iter()).is_ok());
}
