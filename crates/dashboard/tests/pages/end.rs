//! Ending runs that are stale.

mod races;

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
};
use flowruns_dashboard::Visitor;
use flowruns_domain::{
    dashboard::{DashboardStore as _, EventCount, LastEvents},
    id::{FlowKey, RunKey},
    run::{Outcome, Run, RunStatus},
    store::RunStore as _,
};
use flowruns_http::{Limits, auth::Permission};
use flowruns_testing::{MemoryStore, fixtures::fresh_tenant};

use crate::{
    harness::{FORM_TOKEN, Shown, Site},
    recording::RecordingStore,
    runs::{ESCAPED, HOSTILE},
};

const STARTED: &str = "2026-11-27T08:00:00Z";
const FAILED: RunStatus = RunStatus::Ended(Outcome::Failed);

struct Fixture {
    site: Site,
    store: Arc<RecordingStore>,
    flow: FlowKey,
    writer: Visitor,
}

impl Fixture {
    async fn new() -> Self {
        let rows = Arc::new(MemoryStore::default());
        let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
        let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
        let flow = site.flow("Rosters").await;
        let writer = site.visitor(Permission::WriteRuns);
        Self { site, store, flow, writer }
    }

    async fn running(&self, number: u64) -> RunKey {
        self.site.run(self.flow, number, (STARTED, None)).await
    }

    async fn stored(&self, key: RunKey) -> Run {
        self.site.store.find_run(key).await.expect("a store").expect("a run")
    }

    async fn status(&self, key: RunKey) -> RunStatus {
        self.stored(key).await.properties.state.status()
    }

    async fn choose(&self, runs: &[RunKey]) -> Shown {
        self.site.post_as(&self.writer, "/ui/end", &chosen(runs)).await
    }

    async fn end(&self, runs: &[RunKey]) -> Shown {
        self.site.post_as(&self.writer, "/ui/end", &confirmed(runs)).await
    }
}

/// The fields of the first form: the runs in their first version.
fn chosen(runs: &[RunKey]) -> String {
    let fields = runs.iter().map(|key| format!("run={}.{}.1", key.flow, key.run));
    fields.collect::<Vec<_>>().join("&")
}

/// The fields of the second form.
fn confirmed(runs: &[RunKey]) -> String {
    format!("{}&step=confirmed&reason=The+host+was+restarted.", chosen(runs))
}

/// The fields of the form of a confirmation, as a browser sends them after a reason was written.
fn submitted(page: &str, reason: &str) -> String {
    let field = |rest: &str, attribute: &str| {
        let value = rest.split(attribute).nth(1)?.split('"').next()?;
        Some(value.to_owned())
    };
    let form = page.split("<form class=\"body end-form\"").nth(1).expect("a form");
    let form = form.split("</form>").next().expect("the end of the form");
    let inputs = form.split("<input type=\"hidden\"").skip(1);
    let fields =
        inputs.filter_map(|rest| Some((field(rest, "name=\"")?, field(rest, "value=\"")?)));
    let fields = fields.filter(|(name, _)| name != "token");
    let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&reason={reason}", fields.join("&"))
}

#[tokio::test]
async fn chosen_runs_are_confirmed_and_end_with_the_reason_as_their_error() {
    let fixture = Fixture::new().await;
    let runs = [fixture.running(1).await, fixture.running(2).await];
    let page = fixture.choose(&runs).await.ok();
    assert!(page.contains("<h1>End 2 runs as failed?</h1>"), "{page}");
    assert!(page.contains("Running for 11 h 42 min."), "{page}");
    assert_eq!(fixture.status(runs[0]).await, RunStatus::Running, "not before the confirmation");

    let form = submitted(&page, "The+host%0D%0Awas+restarted.");
    let page = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await.ok();
    assert!(page.contains("<h1>2 runs ended as failed</h1>"), "{page}");
    for run in runs {
        let stored = fixture.stored(run).await;
        assert_eq!(stored.properties.state.status(), FAILED);
        assert_eq!(stored.properties.state.end().unwrap().to_string(), "2026-11-27T19:42:05Z");
        let error = stored.properties.blocking_error.unwrap();
        let expected = serde_json::json!({
            "code": "endedByPerson",
            "message": "The host\nwas restarted.",
        });
        assert_eq!(serde_json::to_value(error.members()).unwrap(), expected);
        let last = LastEvents::new(EventCount::MAX);
        let events = fixture.site.store.last_events(run, last).await.unwrap().unwrap().items;
        assert_eq!((events.len(), events[0].actor.as_str()), (2, "f3b0-okafor"));
    }
}

#[tokio::test]
async fn runs_that_do_not_exist_and_those_of_other_tenants_are_gone() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let absent = RunKey { run: "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse().unwrap(), ..run };
    let page = fixture.end(&[absent]).await.ok();
    assert!(page.contains("Does not exist any more."), "{page}");

    let other = fixture.site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    for form in [chosen(&[run]), confirmed(&[run])] {
        let page = fixture.site.post_as(&other, "/ui/end", &form).await.ok();
        assert!(page.contains("Does not exist any more"), "{page}");
        assert!(!page.contains("Rosters"), "{page}");
    }
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn a_reason_is_required_and_what_was_written_is_kept() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let long = "x".repeat(501);
    for (reason, message) in [
        ("", "Write a reason: each run shows it as its error."),
        ("+%0D%0A", "Write a reason: each run shows it as its error."),
        (long.as_str(), "The reason has more than 500 characters; shorten it."),
        ("a%00b", "The reason has control characters; remove them."),
    ] {
        let form = format!("{}&step=confirmed&reason={reason}", chosen(&[run]));
        let shown = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await;
        assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
        assert!(shown.body.contains(message), "{message}: {}", shown.body);
    }
    let form = format!("{}&step=confirmed&reason={long}", chosen(&[run]));
    let shown = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await;
    assert!(shown.body.contains(&long));
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn a_form_without_runs_with_too_many_or_with_other_fields_is_400() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let too_many: Vec<RunKey> =
        (1..=101).map(|number| flowruns_testing::fixtures::run_key(fixture.flow, number)).collect();
    for form in [
        String::new(),
        "step=confirmed&reason=x".to_owned(),
        chosen(&too_many),
        "run=x".to_owned(),
        format!("{}&colour=red", confirmed(&[run])),
        format!("{}&step=2", chosen(&[run])),
    ] {
        let shown = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await;
        assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{form}: {}", shown.body);
        assert!(!shown.body.contains(&format!("token={FORM_TOKEN}")), "{}", shown.body);
    }
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn a_hundred_runs_end_at_once_and_a_repeated_field_counts_once() {
    let fixture = Fixture::new().await;
    let mut runs = Vec::new();
    for number in 1..=100 {
        runs.push(fixture.running(number).await);
    }
    let page = fixture.choose(&runs).await.ok();
    let form = submitted(&page, &"%F0%9F%9A%80".repeat(500));
    assert!(form.len() < 16 * 1024);
    let page = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await.ok();
    assert!(page.contains("<h1>100 runs ended as failed</h1>"), "{page}");
    let twice = fixture.running(101).await;
    let page = fixture.end(&[twice, twice]).await.ok();
    assert!(page.contains("<h1>1 run ended as failed</h1>"), "{page}");
}

#[tokio::test]
async fn nobody_ends_a_run_without_the_permission() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let reader = fixture.site.visitor(Permission::ReadRuns);
    for form in [chosen(&[run]), confirmed(&[run])] {
        let shown = fixture.site.post_as(&reader, "/ui/end", &form).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        assert!(shown.body.contains("IndustryData-Run.ReadWrite.All"), "{}", shown.body);
    }
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn a_form_of_another_origin_or_without_its_token_ends_nothing() {
    let fixture = Fixture::new().await;
    let run = fixture.running(1).await;
    let form = confirmed(&[run]);
    let with_token = format!("token={FORM_TOKEN}&{form}");
    for (name, value, form) in [
        ("sec-fetch-site", "cross-site", &with_token),
        ("sec-fetch-site", "same-site", &with_token),
        ("origin", "https://evil.example", &with_token),
        ("origin", "null", &with_token),
        ("sec-fetch-site", "same-origin", &form),
        ("sec-fetch-site", "same-origin", &format!("token=another&{form}")),
    ] {
        let mut request = fixture.site.request(Method::POST, &fixture.writer, "/ui/end");
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        *request.body_mut() = Body::from(form.clone());
        let shown = fixture.site.send(request).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert!(fixture.store.take_calls().is_empty(), "{name}: {value}");
    }
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn an_address_alone_ends_nothing() {
    let fixture = Fixture::new().await;
    let shown = fixture.site.get_as(&fixture.writer, "/ui/end").await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER);
    assert_eq!(shown.header("location"), "/ui/runs?status=running");
    let run = fixture.running(1).await;
    let address = format!("/ui/end?token={FORM_TOKEN}&{}", confirmed(&[run]));
    let shown = fixture.site.get_as(&fixture.writer, &address).await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.status(run).await, RunStatus::Running);
}

#[tokio::test]
async fn hostile_names_are_shown_as_text_on_both_pages() {
    let fixture = Fixture::new().await;
    let flow = fixture.site.flow(HOSTILE).await;
    let run = fixture.site.run(flow, 1, (STARTED, None)).await;
    let page = fixture.choose(&[run]).await.ok();
    let reason = "%3Cb%20onmouseover%3D%22alert(1)%22%3E";
    let form = format!("{}&step=confirmed&reason={}", chosen(&[run]), reason.repeat(20));
    let again = fixture.site.post_as(&fixture.writer, "/ui/end", &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let ended = fixture.end(&[run]).await.ok();
    for page in [page, again.body, ended] {
        assert!(!page.contains("<b onmouseover"), "{page}");
        assert!(page.contains(ESCAPED), "{page}");
    }
}

#[tokio::test]
async fn a_confirmation_is_small_and_needs_few_queries() {
    let fixture = Fixture::new().await;
    let mut runs = Vec::new();
    for number in 1..=100 {
        runs.push(fixture.running(number).await);
    }
    fixture.store.take_calls();
    let mut request = fixture.site.request(Method::POST, &fixture.writer, "/ui/end");
    let headers = request.headers_mut();
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    *request.body_mut() = Body::from(format!("token={FORM_TOKEN}&{}", chosen(&runs)));
    let shown = fixture.site.send(request).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.bytes.len() < 20 * 1024, "{} bytes", shown.bytes.len());
    assert_eq!(fixture.store.take_calls(), ["query_runs", "find_flows"]);
}
