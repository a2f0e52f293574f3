//! A new flow for a case, and the steps of the cases.

use std::{collections::BTreeMap, sync::Arc};

use flowruns_domain::{
    id::{FlowKey, RunKey},
    json::JsonValue,
    property,
    query::{EventPageRequest, PageRequest, PageSize, RunCursor, RunPage, RunQuery, RunScope},
    run::{NewRun, ReportOrigin, Run, RunChange, RunEvent, RunPatch},
    store::{Created, Store, Updated},
    version::IfMatch,
};

use crate::fixtures::{fresh_flow, fresh_tenant, new_run, origin, report, run_key};

/// A new flow of a new tenant.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) store: Arc<dyn Store>,
    pub(super) flow: FlowKey,
}

impl Fixture {
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        let flow = fresh_flow(fresh_tenant());
        let key = flow.key;
        store.create_flow(flow).await.expect("the flow is stored");
        Self { store, flow: key }
    }

    /// Another new flow of the same tenant.
    pub(super) async fn other_flow(&self) -> Self {
        let flow = fresh_flow(self.flow.tenant);
        let key = flow.key;
        let stored = self.store.create_flow(flow).await;
        stored.expect("the flow is stored");
        Self { store: Arc::clone(&self.store), flow: key }
    }

    pub(super) fn key(&self, number: u64) -> RunKey {
        run_key(self.flow, number)
    }

    pub(super) fn creation(&self, number: u64, new: &NewRun) -> RunChange {
        let creation = new.create(self.key(number), &origin());
        creation.expect("the creation of a case is valid")
    }

    /// Creates a run of this number, which must be new.
    pub(super) async fn create(&self, number: u64, new: &NewRun) -> Run {
        let creation = self.creation(number, new);
        match self.create_run(creation).await {
            Created::New(run) => run,
            other => panic!("run {number} is not new: {other:?}"),
        }
    }

    /// Creates the run that fixtures are made of.
    pub(super) async fn create_default(&self, number: u64) -> Run {
        self.create(number, &new_run()).await
    }

    pub(super) async fn create_run(&self, creation: RunChange) -> Created {
        let created = self.store.create_run(creation).await;
        created.expect("the store accepts a creation")
    }

    pub(super) async fn find(&self, key: RunKey) -> Option<Run> {
        let found = self.store.find_run(key).await;
        found.expect("the store finds a run")
    }

    pub(super) async fn update(
        &self,
        key: RunKey,
        patch: RunPatch,
        if_match: IfMatch,
        origin: ReportOrigin,
    ) -> Option<Updated<Run>> {
        let decide = move |run: &Run| run.decide(&patch, &if_match, &origin);
        let updated = self.store.update_run(key, report(decide)).await;
        updated.expect("the store accepts an update")
    }

    pub(super) async fn report(&self, key: RunKey, patch: RunPatch) -> Option<Updated<Run>> {
        self.update(key, patch, IfMatch::Absent, origin()).await
    }

    /// A report that must change the run.
    pub(super) async fn change(&self, key: RunKey, patch: RunPatch) -> Run {
        match self.report(key, patch).await {
            Some(Updated::Changed(run)) => run,
            other => panic!("the report changed nothing: {other:?}"),
        }
    }

    pub(super) async fn delete(&self, key: RunKey) -> Option<Updated<Run>> {
        let origin = origin();
        let decide = move |run: &Run| run.decide_deletion(&IfMatch::Absent, &origin);
        let deleted = self.store.update_run(key, report(decide)).await;
        deleted.expect("the store accepts a deletion")
    }

    pub(super) async fn page(&self, rows: u16, after: Option<RunCursor>) -> RunPage {
        let query =
            RunQuery { size: page_size(rows), after, ..RunQuery::new(RunScope::Flow(self.flow)) };
        let page = self.store.query_runs(&query).await;
        page.expect("the store lists runs").expect("the flow exists")
    }

    /// The first entries of a run's history, up to 1000.
    pub(super) async fn history(&self, key: RunKey) -> Vec<RunEvent> {
        let request = EventPageRequest { size: page_size(PageSize::MAX), after: None };
        let page = self.store.list_run_events(key, request).await;
        let page = page.expect("the store lists events");
        page.expect("the run exists").items
    }

    /// The history must lead, step by step and without a gap, to the stored run.
    pub(super) async fn assert_history_leads_to_the_run(&self, key: RunKey) -> Run {
        let run = self.find(key).await.expect("the run exists");
        let mut state = BTreeMap::new();
        let mut former: Option<RunEvent> = None;
        for event in self.history(key).await {
            let expected = former.as_ref().map_or(1, |event| event.version.number() + 1);
            assert_eq!(event.version.number(), expected, "versions have no gap");
            let goes_on = former.is_none_or(|former| former.occurred <= event.occurred);
            assert!(goes_on, "time goes backwards at version {expected}");
            replay(&event, &mut state);
            former = Some(event);
        }
        let last = former.expect("a run has a history");
        assert_eq!(last.version, run.version);
        assert_eq!(last.occurred, run.modified);
        state.retain(|_, value| *value != JsonValue::Null);
        assert_eq!(state, shown(&run));
        run
    }
}

/// A page of the usual size from the beginning.
pub(super) fn first_page<K>() -> PageRequest<K> {
    PageRequest { size: PageSize::default(), after: None }
}

pub(super) fn page_size(rows: u16) -> PageSize {
    PageSize::new(rows).expect("a case requests up to 1000 rows")
}

fn replay(event: &RunEvent, state: &mut BTreeMap<String, JsonValue>) {
    for change in &event.changes {
        let before = state.insert(change.property.clone(), change.after.clone());
        let before = before.unwrap_or(JsonValue::Null);
        let at = format_args!("{} of version {}", change.property, event.version);
        assert_eq!(change.before, before, "before of {at}");
    }
}

/// The properties of a run according to its history, without nulls.
fn shown(run: &Run) -> BTreeMap<String, JsonValue> {
    let properties = &run.properties;
    let text = |text: String| JsonValue::String(text);
    let statistics = properties.statistics.members().into_iter();
    let mut shown: BTreeMap<String, JsonValue> = statistics
        .map(|(name, value)| (format!("{}/{name}", property::STATISTICS), value))
        .collect();
    let mut show = |name: &str, value| shown.insert(name.to_owned(), value);
    show(property::DISPLAY_NAME, properties.display_name.as_str().into());
    show(property::START_DATE_TIME, text(properties.start.to_string()));
    show(property::STATUS, properties.state.status().as_str().into());
    if let Some(end) = properties.state.end() {
        show(property::END_DATE_TIME, text(end.to_string()));
    }
    if let Some(error) = &properties.blocking_error {
        let members = JsonValue::Object(error.members().clone());
        show(property::BLOCKING_ERROR, members);
    }
    shown
}
