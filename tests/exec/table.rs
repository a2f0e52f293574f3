//! All kinds of commands at servers in all states: the bare command and `exec` end and write the same, and the stored run is what
//! happened.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    children::{self, Child},
    place::{Ended, Place, fill, run},
    proxy::State,
};

/// At most this many commands run at a time. Those at bad servers wait most of their time.
const AT_ONCE: usize = 32;

/// A state of the server, and of what else a report needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Situation {
    Server(State),
    WrongToken,
    FullSpool,
}

const SITUATIONS: [Situation; 8] = [
    // First those that take longest.
    Situation::FullSpool,
    Situation::Server(State::Absent),
    Situation::Server(State::Silent),
    Situation::Server(State::Unavailable),
    Situation::Server(State::Slow),
    Situation::Server(State::CutsAfterCommit),
    Situation::WrongToken,
    Situation::Server(State::Well),
];

impl Situation {
    async fn place(self) -> Place {
        match self {
            Self::Server(state) => Place::new(state).await,
            Self::WrongToken => Place::new(State::Well).await.with_token("wrong"),
            Self::FullSpool => {
                let place = Place::new(State::Absent).await;
                fill(&place.spool());
                place
            }
        }
    }

    /// Whether the report can arrive without the spool.
    fn may_arrive(self) -> bool {
        matches!(self, Self::Server(State::Well | State::Slow | State::CutsAfterCommit))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_ends_and_writes_as_without_exec_and_its_run_is_stored() {
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let probe = Place::new(State::Well).await;
    let number_of_children = children::all(&probe).len();
    let mut cases = JoinSet::new();
    for situation in SITUATIONS {
        for number in 0..number_of_children {
            let is_typical = children::all(&probe)[number].is_typical;
            if !is_typical && situation != Situation::Server(State::Well) {
                continue;
            }
            let at_once = Arc::clone(&at_once);
            cases.spawn(async move {
                let _permit = at_once.acquire().await.unwrap();
                let place = situation.place().await;
                let child = children::all(&place).remove(number);
                check(situation, &place, &child).await;
            });
        }
    }
    let mut checked = 0;
    while let Some(case) = cases.join_next().await {
        case.unwrap();
        checked += 1;
    }
    assert!(checked > 140, "{checked}");
}

async fn check(situation: Situation, place: &Place, child: &Child) {
    let context = format!("{situation:?}: a command that {}", child.name);
    let words: Vec<&str> = child.command.iter().map(String::as_str).collect();
    let bare = run(place.bare(&words), &child.input).await;
    let ended = run(place.exec(&[], &words), &child.input).await;
    let context = format!("{context}\n{}", ended.said());
    assert_eq!((ended.code, ended.signal), (bare.code, bare.signal), "{context}");
    assert!(
        ended.stdout == bare.stdout,
        "{context}: {} and not {} bytes",
        ended.stdout.len(),
        bare.stdout.len()
    );
    if child.starts {
        assert!(ended.stderr_of_command() == bare.stderr, "{context}: {ended:?}\n{bare:?}");
    } else {
        assert!(ended.said().starts_with("flowruns: "), "{context}");
    }
    match situation {
        Situation::FullSpool => {
            assert!(ended.said().contains("is not reported"), "{context}");
            assert_eq!(place.runs().await, Vec::<Value>::new(), "{context}");
            return;
        }
        _ => {
            let is_spooled = ended.said().contains("is in the spool");
            assert_eq!(place.spooled(), usize::from(is_spooled), "{context}");
            // A server that answers may still take too long while many commands run.
            assert!(is_spooled || situation.may_arrive(), "{context}");
            if is_spooled {
                flush(place).await;
            }
        }
    }
    let stored = place.only_run().await;
    assert_eq!(stored["status"], status(&bare), "{context}\n{stored:#}");
    assert_eq!(stored["blockingError"]["code"], code(child, &bare), "{context}\n{stored:#}");
    assert_eq!(stored["statistics"]["rows"], json!(child.rows), "{context}\n{stored:#}");
    let exec = &stored["statistics"]["exec"];
    let exit_code = if child.starts { json!(bare.code) } else { Value::Null };
    assert_eq!(exec["exitCode"], exit_code, "{context}\n{stored:#}");
    assert_eq!(exec["signal"].is_string(), bare.signal.is_some(), "{context}\n{stored:#}");
    assert_ended_once(place, &stored, &context).await;
}

/// Sends what is in the spool, when the server is back and the token is right.
async fn flush(place: &Place) {
    place.proxy.heal();
    let mut flush = place.flowruns(&["report", "flush"]);
    flush.env("FLOWRUNS_TOKEN", place.right_token());
    let flushed = run(flush, b"").await;
    assert_eq!(flushed.code, Some(0), "{}", flushed.said());
    assert_eq!(place.spooled(), 0);
}

fn status(bare: &Ended) -> &'static str {
    if bare.code == Some(0) { "completed" } else { "failed" }
}

fn code(child: &Child, bare: &Ended) -> Value {
    match (child.starts, bare.code) {
        (false, _) => json!("notStarted"),
        (true, Some(0)) => Value::Null,
        (true, Some(_)) => json!("exitCode"),
        (true, None) => json!("signal"),
    }
}

/// However often requests were repeated, the history has one end.
async fn assert_ended_once(place: &Place, stored: &Value, context: &str) {
    let history = place.client().history(&place.run_path(stored["id"].as_str().unwrap())).await;
    let changes = history.iter().flat_map(|entry| entry["changes"].as_array().unwrap());
    let ends =
        changes.filter(|change| change["property"] == "status" && change["after"] != "running");
    assert_eq!(ends.count(), 1, "{context}\n{history:#?}");
}
