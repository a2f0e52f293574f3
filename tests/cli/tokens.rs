//! Where the server and the token come from.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use crate::{
    FLOWRUNS_PATH,
    place::{Place, Printed, mint, printed},
};

/// `flowruns list flows` with these variables alone.
fn list_flows(place: &Place, variables: &[(&str, &str)]) -> Printed {
    let mut command = place.program(FLOWRUNS_PATH);
    command.args(["list", "flows", "--ids"]).envs(variables.iter().copied());
    printed(&mut command)
}

#[test]
fn a_token_comes_from_the_environment_a_file_or_a_command() {
    let place = Place::new();
    let flow = place.start("Flow").split_once('/').unwrap().0.to_owned();
    let url = ("FLOWRUNS_URL", &*place.url());
    let file = place.path("token");
    fs::write(&file, format!("{}\n", place.token)).unwrap();
    let file = file.to_str().unwrap();
    let command = format!("cat {file}");
    for source in [
        ("FLOWRUNS_TOKEN", &*place.token),
        ("FLOWRUNS_TOKEN_FILE", file),
        ("FLOWRUNS_TOKEN_COMMAND", &*command),
    ] {
        let listed = list_flows(&place, &[url, source]);
        assert_eq!(
            (listed.code, listed.out.trim_end(), &*listed.err),
            (0, &*flow, ""),
            "{source:?}"
        );
    }
    // Two sources, a file that is not there, an issuer without its application.
    for sources in [
        &[("FLOWRUNS_TOKEN", &*place.token), ("FLOWRUNS_TOKEN_FILE", file)][..],
        &[("FLOWRUNS_TOKEN_FILE", "/nonexistent/token")],
        &[("FLOWRUNS_ISSUER", "https://issuer.example")],
    ] {
        let refused = list_flows(&place, &[&[url], sources].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(!refused.err.contains(&place.token), "{refused:?}");
    }
}

#[test]
fn the_local_key_is_used_on_its_machine_alone_and_never_made() {
    let place = Place::new();
    let folder = place.server.folder().to_str().unwrap();
    let url = ("FLOWRUNS_URL", &*place.url());
    let listed = list_flows(&place, &[url, ("FLOWRUNS_DATA_DIR", folder)]);
    assert_eq!((listed.code, &*listed.err), (0, ""), "{listed:?}");
    // The address in the configuration of the server is used if no other is given.
    let listen = url.1.trim_start_matches("http://");
    let listed =
        list_flows(&place, &[("FLOWRUNS_HTTP__LISTEN", listen), ("FLOWRUNS_DATA_DIR", folder)]);
    assert_eq!((listed.code, &*listed.err), (0, ""), "{listed:?}");

    let elsewhere = ("FLOWRUNS_URL", "https://flowruns.example");
    let refused = list_flows(&place, &[elsewhere, ("FLOWRUNS_DATA_DIR", folder)]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("no token for https://flowruns.example"), "{refused:?}");
    let empty = place.path("data");
    let refused = list_flows(&place, &[url, ("FLOWRUNS_DATA_DIR", empty.to_str().unwrap())]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(!empty.exists());
    // With an issuer the server accepts no token of the key.
    let issuer =
        [url, ("FLOWRUNS_DATA_DIR", folder), ("FLOWRUNS_AUTH__ISSUER", "https://issuer.example")];
    assert_eq!(list_flows(&place, &issuer).code, 2);
}

#[test]
fn the_configuration_of_a_server_does_not_matter_to_people() {
    let place = Place::new();
    let broken = place.path("broken.toml");
    fs::write(&broken, "[http\nlisten = 7").unwrap();
    let (broken, url) = (broken.to_str().unwrap(), place.url());
    let variables = [
        ("FLOWRUNS_URL", &*url),
        ("FLOWRUNS_TOKEN", &*place.token),
        ("FLOWRUNS_CONFIG", broken),
        ("FLOWRUNS_HTTP__LISTEN", "nonsense"),
        ("DATABASE_URL", "nonsense"),
    ];
    assert_eq!(list_flows(&place, &variables).code, 0);
}

#[test]
fn a_token_never_appears_among_the_arguments_or_in_the_output() {
    let place = Place::new();
    let help = printed(
        Command::new(FLOWRUNS_PATH).args(["list", "--help"]).env("FLOWRUNS_TOKEN", &place.token),
    );
    assert!(
        help.out.contains("FLOWRUNS_TOKEN_COMMAND") && !help.out.contains("--token"),
        "{help:?}"
    );
    assert!(!help.out.contains(&place.token));
    let script = place.path("token-command");
    fs::write(&script, format!("#!/bin/sh\necho {}\nexit 3\n", place.token)).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    let url = ("FLOWRUNS_URL", &*place.url());
    let refused = list_flows(&place, &[url, ("FLOWRUNS_TOKEN_COMMAND", script.to_str().unwrap())]);
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(
        refused.err.contains("exit status: 3") && !refused.err.contains(&place.token),
        "{refused:?}"
    );
}

#[test]
fn an_expired_token_is_not_accepted() {
    let place = Place::new();
    let expired = mint(&place.server, &["--ttl", "1s"]);
    // It counts in whole seconds.
    let refused = loop {
        let listed = printed(place.command(&["list"]).env("FLOWRUNS_TOKEN", &expired));
        if listed.code != 0 {
            break listed;
        }
    };
    assert_eq!(refused.code, 6, "{refused:?}");
}
