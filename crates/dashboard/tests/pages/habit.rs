//! What is usual for a flow is the same on each page.

use flowruns_domain::run::Outcome;

use crate::harness::Site;

#[tokio::test]
async fn all_pages_name_the_same_usual_duration_and_the_same_stale_run() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    for day in 1..=12 {
        // Most runs fail at once, which says nothing about how long the work takes.
        let (outcome, end) = match day {
            1..=5 => (Outcome::Completed, "02:30:00"),
            _ => (Outcome::Failed, "02:01:00"),
        };
        let times = [format!("2026-11-{day:02}T02:00:00Z"), format!("2026-11-{day:02}T{end}Z")];
        site.run(flow, day, (&times[0], Some((outcome, &times[1])))).await;
    }
    let first = site.run(flow, 21, ("2026-11-27T10:42:05Z", None)).await;
    let second = site.run(flow, 22, ("2026-11-27T13:42:05Z", None)).await;
    let of_flow = format!("/ui/flows/{}", flow.flow);
    let reason = ["running for 9 h", "usually 30 min 00 s"];
    for address in ["/ui", &of_flow] {
        let page = site.get(address).await.ok();
        assert!(page.contains(reason[0]) && page.contains(reason[1]), "{page}");
    }
    let overview = site.get("/ui").await.ok();
    let mark = |run: flowruns_domain::id::RunKey| {
        format!("<a class=\"mark\" href=\"{of_flow}/runs/{}\"", run.run)
    };
    assert!(overview.contains(&mark(first)) && !overview.contains(&mark(second)), "{overview}");
    let overview = site.get("/ui.json").await.json();
    assert_eq!(overview["flows"][0]["usualDurationSeconds"], 1800.0);
    for address in [format!("{of_flow}.json"), format!("{of_flow}/runs/{}.json", second.run)] {
        assert_eq!(site.get(&address).await.json()["usualDuration"]["median"], 1800.0, "{address}");
    }
}

#[tokio::test]
async fn a_run_that_started_before_all_others_is_stale_on_each_page() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let first = site.run(flow, 1, ("2026-11-24T02:00:00Z", None)).await;
    for day in 1..=6 {
        let [start, end] = [0, 5].map(|minute| format!("2026-11-26T0{day}:{minute:02}:00Z"));
        site.run(flow, 10 + day, (&start, Some((Outcome::Completed, &end)))).await;
    }
    let overview = site.get("/ui.json").await.json();
    assert_eq!(overview["flows"][0]["isStale"], true);
    assert!(site.get("/ui?show=late&name=Ro").await.ok().contains("No flow matches."));
    let of_run = format!("/ui/flows/{}/runs/{}", flow.flow, first.run);
    assert!(site.get(&of_run).await.ok().contains("This run may be stale."));
}
