//! Texts of people who do not mean well, and servers that are none.

use serde_json::json;

use crate::{
    place::{Place, printed},
    scripted_server::{ScriptedServer, response},
};

/// Clears a terminal, sets its title, uses C1 and DEL, changes the direction of the text and ends lines.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\u{202e}\u{2066}\r\nstatus   completed";

fn is_harmful(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\r')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(!text.chars().any(is_harmful), "{text:?}");
}

#[test]
fn messages_statistics_and_names_are_printed_without_escape_sequences() {
    let place = Place::new();
    let hostile = HOSTILE.replace('\r', "");
    let flow = "=cmd|'/c calc'!A1 \u{202e}";
    let run = place.start(flow);
    let statistics = json!({hostile.clone(): {"\u{1b}[1m": hostile}}).to_string();
    let statistics = format!("{}={statistics}", "\u{1b}c");
    place.done(&["report", "progress", &run, &statistics]);
    place.done(&["report", "end", &run, "failed", "--error", HOSTILE, "--message", HOSTILE]);
    for arguments in [
        &["show", &run, "--history"][..],
        &["show", &run, "--history", "--json"],
        &["show", &run, "--against", &run],
        &["list"],
        &["list", "--json"],
        &["list", "--ndjson"],
        &["list", "--csv"],
        &["list", "flows"],
        &["list", "flows", "--csv"],
    ] {
        let printed = place.done(arguments);
        assert_harmless(&printed);
        assert!(!printed.lines().any(|line| line.starts_with("status   completed")), "{printed}");
        if arguments.contains(&"--csv") {
            assert!(printed.contains("\"'=cmd|"), "{printed}");
        }
    }
    let watched = place.run(&["watch", &run]);
    assert_eq!((watched.code, watched.out.lines().count()), (1, 2), "{watched:?}");
    assert_harmless(&watched.out);
    // A program reads what was stored.
    let shown = place.json(&["show", &run, "--json"]);
    assert_eq!(shown["blockingError"]["message"], HOSTILE);
}

#[test]
fn what_a_server_sends_is_harmless_in_errors_and_rows() {
    let place = Place::new();
    let error = json!({"error": {"code": "badRequest", "message": HOSTILE, "innerError": {"code": HOSTILE, "request-id": HOSTILE}}});
    let server = ScriptedServer::start(vec![response(400, &[], &error.to_string())]);
    let refused = printed(place.command(&["list"]).env("FLOWRUNS_URL", &server.url));
    assert_eq!((refused.code, refused.err.lines().count()), (5, 1), "{refused:?}");
    assert_harmless(&refused.err);

    let (flow, id) =
        ("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f");
    let row = json!({
        "@odata.id": format!("http://x/industryData/incomingFlows/{flow}/runs/{id}"), "@odata.etag": HOSTILE, "id": id,
        "displayName": HOSTILE, "status": HOSTILE, "startDateTime": "2026-03-01T08:30:00Z", "endDateTime": null,
        "process": {"displayName": HOSTILE},
    });
    let list = json!({"value": [row]}).to_string();
    let server = ScriptedServer::start(vec![response(200, &[], &list)]);
    for form in [&[][..], &["--json"], &["--ndjson"], &["--csv"], &["--ids"]] {
        let arguments = [&["list"], form].concat();
        let listed = printed(place.command(&arguments).env("FLOWRUNS_URL", &server.url));
        assert_eq!(listed.code, 0, "{listed:?}");
        assert_harmless(&listed.out);
    }
}

#[test]
fn a_server_that_is_not_flowruns_is_named_and_gets_no_second_request_elsewhere() {
    let place = Place::new();
    let elsewhere = ScriptedServer::start(vec![response(200, &[], "{}")]);
    let redirect = format!("Location: {}/", elsewhere.url);
    let server = ScriptedServer::start(vec![response(302, &[&redirect], "<html>sign in</html>")]);
    let refused = printed(place.command(&["list"]).env("FLOWRUNS_URL", &server.url));
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(
        refused.err.contains(&server.url) && refused.err.contains("not one of flowruns"),
        "{refused:?}"
    );
    assert!(server.request().head.contains("authorization: bearer"));
    let listed = printed(place.command(&["list"]).env("FLOWRUNS_URL", &elsewhere.url));
    assert_eq!(listed.code, 7, "{listed:?}");
    assert_eq!(
        elsewhere.request().head.lines().next(),
        Some("get /industrydata/runs?%24top=50&%24expand=process http/1.1")
    );
}
