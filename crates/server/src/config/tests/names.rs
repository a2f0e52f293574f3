//! Names of keys and variables: unknown ones are rejected with a suggestion, foreign ones are ignored.

use super::{file, load, rejection};

#[test]
fn an_unknown_name_is_rejected_with_the_nearest_known_ones() {
    for (name, nearest) in [
        ("FLOWRUNS_HTTP__LISTN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_HTTP_LISTEN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS__HTTP__LISTEN", "FLOWRUNS_HTTP__LISTEN"),
        ("flowruns_data_dri", "FLOWRUNS_DATA_DIR"),
        ("FLOWRUNS_LISTEN", "FLOWRUNS_ADMIN__LISTEN or FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_DATABASE_MAX_CONECTIONS", "FLOWRUNS_DATABASE__MAX_CONNECTIONS"),
        ("FLOWRUNS_DATABASE_URL", "DATABASE_URL"),
    ] {
        let rejected = rejection(&[(name, "x")]);
        let expected = format!("{name} is not known; did you mean {nearest}?");
        assert!(rejected.contains(&expected), "{rejected}");
        assert_eq!(rejected, rejection(&[(name, "")]), "an empty value is one too");
    }
}

/// The variables of Kubernetes and of the command line client are ignored, but not similar names.
#[test]
fn a_variable_of_another_program_is_ignored_if_its_name_is_exact() {
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
        assert!(rejection(&[(name, "x")]).contains(name));
    }
    let of_another_service =
        [("FLOWRUNS_DB_SERVICE_HOST", "10.0.0.1"), ("FLOWRUNS_DB_PORT", "tcp://10.0.0.1:5432")];
    assert!(load(None, &of_another_service).is_ok());
}

#[test]
fn an_unknown_key_of_the_file_is_rejected_with_the_nearest_known_one() {
    let cases = [
        ("[http]\nlistn = 'x'", "http.listn", "http.listen"),
        ("data_dirr = 'x'", "data_dirr", "data_dir"),
        ("[database.pool]\nmax = 1", "database.pool.max", ""),
        ("[htp]\nlisten = 'x'", "htp.listen", "http.listen"),
    ];
    for (text, key, nearest) in cases {
        let (_folder, file) = file(text);
        let rejected = format!("{:#}", load(Some(&file), &[]).unwrap_err());
        let expected =
            format!("the key {key} of {} is not known; did you mean {nearest}", file.display());
        assert!(rejected.contains(&expected), "{rejected}");
    }
}
