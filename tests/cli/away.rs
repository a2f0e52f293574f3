//! A server that does not respond.

use std::{net::TcpListener, sync::Arc};

use crate::{
    FLOWRUNS,
    place::{Place, printed},
};

#[test]
fn an_unreachable_server_is_named_after_all_attempts() {
    let place = Place::new();
    // The port is free when the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    for arguments in [
        &["list"][..],
        &["show", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"],
        &["watch", "--flow", "Flow"],
    ] {
        let refused = printed(place.command(arguments).env("FLOWRUNS_URL", &url));
        assert_eq!((refused.code, &*refused.out), (7, ""), "{refused:?}");
        assert!(refused.err.contains(&url) && refused.err.lines().count() == 1, "{refused:?}");
    }
}

#[test]
fn an_end_that_cannot_be_sent_is_spooled_and_sent_by_the_next_flush() {
    let mut server = FLOWRUNS.server().start();
    let url = server.url("");
    let place = Place::on(Arc::new(FLOWRUNS.server().start()));
    let token = server.token().to_owned();
    let run = |arguments: &[&str]| {
        printed(place.command(arguments).env("FLOWRUNS_URL", &url).env("FLOWRUNS_TOKEN", &token))
    };
    let started = run(&["report", "start", "--flow", "Flow", "--create-flow"]);
    let address = started.out.trim_end();
    server.kill();
    let ended = run(&["report", "end", address, "completed", "rows=7"]);
    assert_eq!(ended.code, 7, "{ended:?}");
    assert!(ended.err.contains("in the spool"), "{ended:?}");
    server.restart();
    assert_eq!(server.url(""), url);
    // Another server's reports stay.
    let other = place.run(&["report", "flush", "--json"]);
    assert_eq!(other.code, 0, "{other:?}");
    assert!(other.out.contains("\"otherServers\": 1"), "{other:?}");
    let flushed = run(&["report", "flush"]);
    assert_eq!((flushed.code, &*flushed.out), (0, "reports: 1 delivered\n"), "{flushed:?}");
    let shown = run(&["show", address, "--json"]);
    assert!(
        shown.out.contains("\"status\": \"completed\"") && shown.out.contains("\"rows\": 7"),
        "{shown:?}"
    );
    // Nothing is left, and nothing is printed.
    let again = run(&["report", "flush"]);
    assert_eq!((again.code, &*again.out), (0, ""), "{again:?}");
}
