//! The examples of the crate, which Cargo builds with its tests.

use std::{env, path::PathBuf};

use flowruns_client::{RunQuery, Status, blocking};
use serde_json::{Value, json};

use crate::{FLOWRUNS, client, run};

/// The program of an example, beside the programs of tests. None when only the tests of this crate were built.
fn example(name: &str) -> Option<PathBuf> {
    let test = env::current_exe().unwrap();
    let path = test.parent()?.parent()?.join("examples").join(name);
    path.exists().then_some(path)
}

#[test]
fn each_example_does_what_it_says() {
    let (Some(report), Some(without_async), Some(watch)) =
        (example("report"), example("blocking"), example("watch"))
    else {
        eprintln!("not run: build the examples with `cargo build -p flowruns-client --examples`");
        return;
    };
    let server = FLOWRUNS.server().start();
    let url = server.url("");
    let output = |program: &PathBuf, arguments: &[&str]| {
        let variables = [("FLOWRUNS_URL", &*url), ("FLOWRUNS_TOKEN", server.token())];
        let output = run(program, arguments, &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = output(&report, &[]);
    assert!(printed.starts_with("completedWithErrors http://127.0.0.1:"), "{printed}");
    assert!(printed.ends_with("1 acknowledged, 0 spooled\n"), "{printed}");
    assert_eq!(output(&without_async, &[]), "completed\n");
    let printed = output(&watch, &["Nightly rosters"]);
    assert_eq!(printed.lines().count(), 3, "{printed}");
    assert!(printed.lines().last().unwrap().starts_with("completed {\"lines\":"), "{printed}");

    let client = blocking::Client::from(client(&server));
    let flow = client.flow("Nightly rosters").unwrap();
    let runs = flow.runs(&RunQuery::new()).map(Result::unwrap).collect::<Vec<_>>();
    let statuses: Vec<_> = runs.iter().map(|run| run.status.clone()).collect();
    assert_eq!(statuses, [Status::Completed, Status::CompletedWithErrors]);
    let counts: Value = client.run(runs[1].address).unwrap().statistics_as().unwrap();
    assert_eq!(counts, json!({"read": 1000, "dropped": 3}));
}
