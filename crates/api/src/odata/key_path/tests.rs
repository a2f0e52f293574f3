use proptest::prelude::*;

use super::*;

fn normalized(sent: &str) -> (String, PathKeys) {
    let (path, keys) = normal(sent);
    (path.unwrap_or_else(|| sent.to_owned()), keys)
}

fn path(sent: &str) -> String {
    normalized(sent).0
}

#[test]
fn every_form_of_a_key_becomes_a_segment() {
    for sent in [
        "/runs('a-1')",
        "/runs(id='a-1')",
        "/runs(%27a-1%27)",
        "/runs%28id%3D'a-1'%29",
        "/RUNS(ID = 'a-1')",
        "/runs('a-1')/",
    ] {
        assert_eq!(path(sent), "/runs/a%2D1", "{sent}");
    }
    assert_eq!(
        path("/beta/industryData/incomingFlows('f')/runs('a')/process/runs('b')"),
        "/beta/industryData/incomingFlows/f/runs/a/process/runs/b"
    );
}

#[test]
fn names_are_in_any_case_and_encoded_and_ids_stay_as_they_are() {
    for (sent, expected) in [
        (
            "/BETA/IndustryData/INCOMINGFLOWS/F/Runs/A/Process/runs/b/HISTORY",
            "/beta/industryData/incomingFlows/F/runs/A/process/runs/b/history",
        ),
        ("/%69ndustryData/%72uns", "/industryData/runs"),
        ("/beta/%24BATCH", "/beta/$batch"),
        ("/runs('a')/%24count", "/runs/a/$count"),
        ("/industryData/runs/%24COUNT", "/industryData/runs/$count"),
        ("/runs/Process", "/runs/Process"),
        (
            "/incomingFlows/runs/Runs('incomingFlows')/HISTORY",
            "/incomingFlows/runs/runs/incomingFlows/history",
        ),
        ("/LIVEZ", "/livez"),
    ] {
        assert_eq!(path(sent), expected);
    }
}

#[test]
fn one_slash_at_the_end_is_removed() {
    for (sent, expected) in [
        ("/", "/"),
        ("/beta/", "/beta"),
        ("/industryData/runs/", "/industryData/runs"),
        ("/industryData/runs//", "/industryData/runs/"),
        ("*", "*"),
    ] {
        assert_eq!(path(sent), expected);
    }
}

#[test]
fn an_unknown_dollar_segment_has_no_route() {
    for sent in [
        "/industryData/incomingFlows/$metadata2",
        "/industryData/incomingFlows/f/runs/$foo",
        "/industryData/incomingFlows/f/runs/%24foo",
        "/industryData/incomingFlows/f/runs/$count/process",
        "/industryData/runs/$",
    ] {
        assert_eq!(path(sent), NO_ROUTE, "{sent}");
    }
}

#[test]
fn a_chain_of_processes_keeps_the_last_run_and_names_the_others() {
    let flow = "/industryData/incomingFlows/f";
    for (sent, expected, earlier) in [
        ("/runs/a/process", "/runs/a/process", &[][..]),
        ("/runs/a/process/runs/b", "/runs/a/process/runs/b", &[]),
        ("/runs/a/process/runs/b/process", "/runs/b/process", &["a"]),
        ("/runs/a/process/runs/b/process/runs/$count", "/runs/b/process/runs/$count", &["a"]),
        (
            "/runs('a')/process/runs/b/Process/runs('c')/process/runs/d/history",
            "/runs/c/process/runs/d/history",
            &["a", "b"],
        ),
    ] {
        let (path, keys) = normalized(&format!("{flow}{sent}"));
        assert_eq!(path, format!("{flow}{expected}"));
        assert_eq!(keys.earlier_runs, earlier, "{sent}");
    }
    let deep = |runs: usize| path(&format!("{flow}{}", "/runs/a/process".repeat(runs)));
    assert_eq!(deep(Via::MAX), format!("{flow}/runs/a/process"));
    assert_eq!(deep(Via::MAX + 1), NO_ROUTE);
}

#[test]
fn a_key_that_cannot_be_read_says_how_to_send_it() {
    for sent in [
        "/runs()",
        "/runs('')",
        "/runs(name='x')",
        "/runs('x'",
        "/runs(x)",
        "/runs(id=x)",
        "/runs(%22x%22)",
    ] {
        let (path, keys) = normalized(sent);
        assert_eq!(path, "/runs/%2D", "{sent}");
        assert!(keys.error.unwrap().contains("in single quotes"), "{sent}");
    }
    for sent in ["/others('x')", "/runs(%FF)"] {
        assert_eq!(normal(sent), (None, PathKeys::default()));
    }
}

proptest! {
    #[test]
    fn a_path_that_the_short_check_accepts_is_normal(
        segments in prop::collection::vec(
            prop::sample::select(vec![
                "industryData", "beta", "incomingFlows", "IncomingFlows", "runs", "process", "history", "$count",
                "$batch", "$other", "", "a1-B", "a%2Fb", "runs('x')", "caf\u{e9}", "other", "docs",
            ]),
            0..12,
        ),
    ) {
        let path = format!("/{}", segments.join("/"));
        if is_certainly_normal(&path) {
            prop_assert_eq!(normal(&path), (None, PathKeys::default()));
        }
    }
}

#[test]
fn the_short_check_accepts_the_paths_of_runs() {
    let run = "/industryData/incomingFlows/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e/runs/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    let process = format!("{run}/process/runs/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e");
    for path in [run, &process, "/beta/industryData/incomingFlows", "/livez"] {
        assert!(is_certainly_normal(path), "{path}");
    }
}
