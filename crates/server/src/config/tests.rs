//! What the configuration takes, and from where.

use std::{
    ffi::OsString, fs, net::SocketAddr, os::unix::ffi::OsStringExt as _, path::Path, time::Duration,
};

use super::{Database, LogFormat, Settings, StorageSettings};

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
    assert_eq!(
        settings.http.listen_options().drain_timeout,
        Duration::from_millis(7)
    );
    assert_eq!(
        settings.http.request_timeout_ms.duration(),
        Duration::from_secs(30)
    );
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
fn cors_origins_are_listed_in_a_file_or_with_commas_and_each_is_an_origin() {
    let shown = |settings: &Settings| {
        let origins = settings.http.cors_origins.iter();
        origins
            .map(|origin| origin.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(shown(&load(None, &[]).unwrap()).is_empty());
    let variable = "FLOWRUNS_HTTP__CORS_ORIGINS";
    let expected = ["https://app.example", "http://localhost:3000"];
    let listed = [(variable, "https://App.example:443, http://localhost:3000")];
    assert_eq!(shown(&load(None, &listed).unwrap()), expected);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowruns.toml");
    fs::write(&file, format!("[http]\ncors_origins = {expected:?}\n")).unwrap();
    let settings = load(Some(&file), &[]).unwrap();
    assert_eq!(shown(&settings), expected);
    let report = serde_json::to_value(&settings).unwrap();
    assert_eq!(report["http"]["cors_origins"], serde_json::json!(expected));
    for wrong in [
        "*",
        "null",
        "app.example",
        "https://app.example/path",
        "https://app.example/",
    ] {
        let refused = refusal(&[(variable, wrong)]);
        assert!(
            refused.contains(wrong) && refused.contains("an origin is"),
            "{refused}"
        );
    }
}

#[test]
fn an_issuer_has_an_audience_and_one_place_of_its_keys_that_can_be_trusted() {
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
        &[
            ("FLOWRUNS_AUTH__JWKS_FILE", "/keys.json"),
            ("FLOWRUNS_AUTH__ISSUER", "any"),
        ],
    ] {
        assert!(issuer(accepted).is_ok(), "{accepted:?}");
    }
    for (refused, message) in [
        (&[("FLOWRUNS_AUTH__AUDIENCE", "")][..], "audience"),
        (&[("FLOWRUNS_AUTH__ISSUER", "")], "issuer"),
        (
            &[("FLOWRUNS_AUTH__ISSUER", "http://issuer.example")],
            "not https",
        ),
        (&[("FLOWRUNS_AUTH__ISSUER", "issuer")], "no URL"),
        (
            &[("FLOWRUNS_AUTH__ISSUER", "https://a.example/{tenantid}/v2.0")],
            "must say where",
        ),
        (&[(JWKS_URL, "http://10.1.2.3/keys")], "not https"),
        (
            &[(JWKS_URL, "https://me:pw@a.example/")],
            "user or password",
        ),
        (&[(DISCOVERY_URL, "file:///etc/passwd")], "not https"),
        (
            &[
                (JWKS_URL, "https://a.example/"),
                (DISCOVERY_URL, "https://a.example/"),
            ],
            "exclude",
        ),
    ] {
        let error = format!("{:#}", issuer(refused).unwrap_err());
        assert!(error.contains(message), "{refused:?}: {error}");
    }
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
fn an_unknown_name_is_rejected_with_the_nearest_known_ones() {
    for (name, nearest) in [
        ("FLOWRUNS_HTTP__LISTN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_HTTP_LISTEN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS__HTTP__LISTEN", "FLOWRUNS_HTTP__LISTEN"),
        ("flowruns_data_dri", "FLOWRUNS_DATA_DIR"),
        (
            "FLOWRUNS_LISTEN",
            "FLOWRUNS_ADMIN__LISTEN or FLOWRUNS_HTTP__LISTEN",
        ),
        (
            "FLOWRUNS_DATABASE_MAX_CONECTIONS",
            "FLOWRUNS_DATABASE__MAX_CONNECTIONS",
        ),
        ("FLOWRUNS_DATABASE_URL", "DATABASE_URL"),
    ] {
        let refused = refusal(&[(name, "x")]);
        let expected = format!("{name} is not known; did you mean {nearest}?");
        assert!(refused.contains(&expected), "{refused}");
        assert_eq!(refused, refusal(&[(name, "")]), "an empty value is one too");
    }
}

/// The names that Kubernetes and the client use are passed over, and nothing that is nearly one of them.
#[test]
fn a_name_of_others_is_passed_over_in_its_exact_shape() {
    for name in [
        "FLOWRUNS_SERVICE_HOST",
        "FLOWRUNS_SERVICE_PORT_ADMIN_2",
        "FLOWRUNS_PORT_8080_SCTP_ADDR",
        "FLOWRUNS_TOKEN_COMMAND",
    ] {
        assert!(load(None, &[(name, "x")]).is_ok(), "{name}");
    }
    for name in [
        "FLOWRUNS_SERVICE",
        "FLOWRUNS_SERVICE_HOSTS",
        "FLOWRUNS_SERVICE_PORT_",
        "FLOWRUNS_PORTS",
        "FLOWRUNS_PORT_80800_TCP",
        "FLOWRUNS_PORT_HTTP_TCP",
        "FLOWRUNS_PORT_8080_TLS",
        "FLOWRUNS_PORT_8080_TCP_ADDR_X",
        "FLOWRUNS_PORT_8080",
        "FLOWRUNS_TOKENS",
        "FLOWRUNS_DB_PORT",
    ] {
        assert!(refusal(&[(name, "x")]).contains(name));
    }
    let of_another = [
        ("FLOWRUNS_DB_SERVICE_HOST", "10.0.0.1"),
        ("FLOWRUNS_DB_PORT", "tcp://10.0.0.1:5432"),
    ];
    assert!(load(None, &of_another).is_ok());
}

#[test]
fn an_unknown_key_of_the_file_is_rejected_with_the_nearest_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowruns.toml");
    let cases = [
        ("[http]\nlistn = 'x'", "http.listn", "http.listen"),
        ("data_dirr = 'x'", "data_dirr", "data_dir"),
        ("[database.pool]\nmax = 1", "database.pool.max", ""),
        ("[htp]\nlisten = 'x'", "htp.listen", "http.listen"),
    ];
    for (text, key, nearest) in cases {
        fs::write(&file, text).unwrap();
        let refused = format!("{:#}", load(Some(&file), &[]).unwrap_err());
        let expected = format!(
            "the key {key} of {} is not known; did you mean {nearest}",
            file.display()
        );
        assert!(refused.contains(&expected), "{refused}");
    }
}

#[test]
fn a_configuration_file_is_a_regular_file_of_bounded_size() {
    let refused = format!("{:#}", load(Some(Path::new("/dev/zero")), &[]).unwrap_err());
    assert!(refused.contains("/dev/zero") && refused.contains("not a regular file"));
    let refused = format!(
        "{:#}",
        load(None, &[("DATABASE_URL_FILE", "/dev/zero")]).unwrap_err()
    );
    assert!(refused.contains("/dev/zero") && refused.contains("not a regular file"));
}

#[test]
fn a_command_on_the_database_judges_only_what_it_needs() {
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
fn an_empty_name_of_a_file_is_none() {
    assert!(load(None, &[("FLOWRUNS_CONFIG", "")]).is_ok());
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
