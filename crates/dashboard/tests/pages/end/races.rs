//! Runs that end or change while a person ends them, and forms that are sent again.

use flowruns_dashboard::Visitor;
use flowruns_domain::{
    dashboard::{DashboardStore as _, EventCount, LastEvents},
    run::{Outcome, RunPatch, RunStatus},
    store::RunReport,
    version::IfMatch,
};
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::{counted, ended, origin, report};

use super::{FAILED, Fixture, STARTED, confirmed, submitted};

fn reported(patch: RunPatch) -> RunReport {
    let origin = origin();
    report(move |run| run.decide(&patch, &IfMatch::Absent, &origin))
}

#[tokio::test]
async fn to_send_the_form_again_changes_nothing_and_says_who_ended_the_run() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    fixture.end(&[run]).await.ok();
    let first = fixture.stored(run).await;
    let page = fixture.end(&[run]).await.ok();
    assert!(page.contains("<h1>0 of 1 run ended as failed</h1>"), "{page}");
    assert!(page.contains("Had already ended: failed, by you, "), "{page}");
    assert_eq!(fixture.stored(run).await, first);
}

#[tokio::test]
async fn of_two_people_one_ends_the_run_and_the_other_is_told_who_did() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let other =
        Visitor { actor: "a1-lindqvist".to_owned(), ..fixture.site.visitor(Permission::WriteRuns) };
    let form = confirmed(&[run]);
    let (one, two) = tokio::join!(
        fixture.site.post_as(&fixture.writer, "/ui/end", &form),
        fixture.site.post_as(&other, "/ui/end", &form),
    );
    let pages = [one.ok(), two.ok()];
    let ended = pages.iter().filter(|page| page.contains("<h1>1 run ended as failed</h1>")).count();
    assert_eq!(ended, 1);
    let last = LastEvents::new(EventCount::MAX);
    let events = fixture.site.store.last_events(run, last).await.unwrap().unwrap().items;
    assert_eq!(events.len(), 2, "one end");
    let loser = pages.iter().find(|page| page.contains("0 of 1 run")).expect("a page");
    let winner = format!("Had already ended: failed, by <bdi>{}</bdi>, ", events[0].actor);
    assert!(loser.contains(&winner), "{loser}");
}

#[tokio::test]
async fn a_run_that_ends_while_it_is_being_ended_keeps_its_own_end() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    fixture.store.report_before_next_update(run, reported(ended(Outcome::Completed)));
    let page = fixture.end(&[run]).await.ok();
    assert!(page.contains("Had already ended: completed, by <bdi>nightly</bdi>, "), "{page}");
    let stored = fixture.stored(run).await;
    assert_eq!(stored.properties.state.status(), RunStatus::Ended(Outcome::Completed));
    assert_eq!(stored.properties.blocking_error, None);
}

#[tokio::test]
async fn a_run_that_is_reported_on_in_between_is_left_running() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    fixture.store.report_before_next_update(run, reported(counted(r#"{"rows":1}"#)));
    let page = fixture.end(&[run]).await.ok();
    for part in [
        "Still running: it was reported on in the meantime, by <bdi>nightly</bdi>, ",
        "has version 2 now",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(fixture.status(run).await, RunStatus::Running);
    // The same between the list and the confirmation.
    let page = fixture.choose(&[run]).await.ok();
    assert!(page.contains("It has been reported on since you chose it"), "{page}");
    let form = submitted(&page, "It+hangs.");
    assert!(form.contains(&format!("{}.2", run.run)), "the version of the confirmation: {form}");
    fixture.site.post_as(&fixture.writer, "/ui/end", &form).await.ok();
    assert_eq!(fixture.status(run).await, FAILED);
}

#[tokio::test]
async fn an_ended_run_never_gets_the_reason_whatever_version_the_form_names() {
    let fixture = Fixture::new().await;
    let end = Some((Outcome::Failed, "2026-11-27T09:00:00Z"));
    let run = fixture.site.run(fixture.flow, 1, (STARTED, end)).await;
    let page = fixture.end(&[run]).await.ok();
    assert!(page.contains("Had already ended: failed, by <bdi>nightly</bdi>, "), "{page}");
    assert_eq!(fixture.stored(run).await.properties.blocking_error, None);
    let page = fixture.choose(&[run]).await.ok();
    assert!(page.contains("<h1>Nothing to end</h1>"), "{page}");
    assert!(!page.contains("name=\"reason\""), "{page}");
}

#[tokio::test]
async fn a_lost_response_of_the_database_is_told_and_the_form_can_be_sent_again() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    fixture.store.lose_responses();
    let page = fixture.end(&[run]).await.ok();
    assert!(page.contains("the run may have ended or not"), "{page}");
    assert_eq!(fixture.status(run).await, FAILED, "it was written");
    let page = fixture.end(&[run]).await.ok();
    assert!(page.contains("Had already ended: failed, by you, "), "{page}");
}
