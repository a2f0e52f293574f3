//! A record that a test writes: real responses of a store, at times that the test chooses.

use std::{sync::Arc, time::Duration};

use flowruns_checker::{
    Attempt, Creation, Guarantee, Marker, Operation, Record, Report, Request, Seen, Stored,
    StoredRun, Target, TargetResponse, check,
};
use flowruns_domain::{
    id::RunId, json::JsonObject, patch::Field, run::RunPatch, store::Store, version::IfMatch,
};
use flowruns_testing::{
    MemoryStore,
    fixtures::{fresh_uuid, new_run, object},
};

use crate::fixture::{flow, target};

/// The times of a request and its response, in milliseconds.
pub(crate) type Times = (u64, u64);

pub(crate) struct Script {
    target: Arc<dyn Target>,
    pub(crate) run: RunId,
    record: Record,
}

impl Script {
    /// A run in progress without reports.
    pub(crate) async fn begin() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let key = flow(&store).await;
        let creation = Creation {
            id: RunId::new(fresh_uuid()).unwrap(),
            body: JsonObject::default(),
            new: new_run(),
        };
        let target = target(store, key);
        target.create(&creation).await;
        Self {
            target,
            run: creation.id,
            record: Record {
                flow: key.flow,
                runs: vec![creation],
                operations: Vec::new(),
                lasted: Duration::from_secs(1),
            },
        }
    }

    /// Executes a report without recording it.
    pub(crate) async fn response(&self, report: &Report) -> TargetResponse<Seen> {
        self.target.patch(self.run, report).await
    }

    /// Executes a report and records it; operations have a marker of their own.
    pub(crate) async fn report(
        &mut self,
        number: u64,
        patch: RunPatch,
        times: Times,
    ) -> TargetResponse<Seen> {
        let report = report(number, patch);
        let response = self.response(&report).await;
        self.record_report(number, report, vec![(times, response.clone())]);
        response
    }

    /// Records a report without executing it.
    pub(crate) fn record_report(
        &mut self,
        number: u64,
        report: Report,
        attempts: Vec<(Times, TargetResponse<Seen>)>,
    ) {
        let attempts = attempts.into_iter().map(|(times, response)| attempt(times, response));
        self.push(
            number,
            Request::Patch {
                run: self.run,
                report: Box::new(report),
                marker: Some(marker(number)),
                attempts: attempts.collect(),
            },
        );
    }

    /// Records a get with this response.
    pub(crate) fn get(&mut self, number: u64, response: TargetResponse<Seen>, times: Times) {
        let attempt = attempt(times, response);
        let run = self.run;
        self.push(number, Request::Get { run, attempt });
    }

    fn push(&mut self, number: u64, request: Request) {
        self.record.operations.push(Operation { client: 0, number, request });
    }

    /// The guarantees that are broken, when the stored run was changed.
    pub(crate) async fn broken(&self, tamper: impl FnOnce(&mut StoredRun)) -> Vec<Guarantee> {
        let mut stored = Stored::read(&*self.target, &self.record).await.unwrap();
        tamper(stored.runs.get_mut(&self.run).unwrap());
        let violations = check(&self.record, &stored).err().unwrap_or_default();
        let mut guarantees: Vec<_> = violations.iter().map(|found| found.guarantee).collect();
        guarantees.sort_unstable();
        guarantees.dedup();
        guarantees
    }
}

/// The report of this number.
pub(crate) fn report(number: u64, patch: RunPatch) -> Report {
    let Marker { member, number } = marker(number);
    let statistics = object(&format!(r#"{{"{member}":{number}}}"#));
    Report {
        body: JsonObject::default(),
        meaning: Ok(RunPatch { statistics: Field::Value(statistics), ..patch }),
        if_match: IfMatch::Absent,
    }
}

fn marker(number: u64) -> Marker {
    Marker { member: format!("c{number}"), number }
}

fn attempt<T>((invoked, responded): Times, response: TargetResponse<T>) -> Attempt<T> {
    Attempt {
        invoked: Duration::from_millis(invoked),
        responded: Duration::from_millis(responded),
        response,
    }
}
