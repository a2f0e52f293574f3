//! Reports runs as a program does, at the times of the demo.

use std::sync::Arc;

use flowruns_domain::{
    clock::{Ids as _, TimeOrderedIds},
    display_name::DisplayName,
    flow::{DataDomain, NewFlow},
    id::{FlowKey, RunKey, TenantId},
    idempotency::Reserved,
    json::parse_object,
    patch::{Field, Nullable},
    run::{NewRun, Outcome, PublicErrorPatch, RunAddress, RunPatch, RunStatus, Via},
    service::{Environment, FlowService, Requester, RunCreated, RunService},
    store::Store,
    timestamp::Timestamp,
    version::IfMatch,
};

use super::{DemoError, plan::FlowPlan, statistics};
use crate::FixedClock;

/// The actor in the history.
const ACTOR: &str = "roster-sync";

pub(super) struct Reporter {
    store: Arc<dyn Store>,
}

/// The last report of a run.
pub(super) struct End {
    pub(super) outcome: Outcome,
    /// As JSON.
    pub(super) statistics: String,
    pub(super) at: Timestamp,
}

impl Reporter {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub(super) async fn create_flow(
        &self,
        tenant: TenantId,
        plan: &FlowPlan,
        at: Timestamp,
    ) -> Result<FlowKey, DemoError> {
        let new = NewFlow {
            display_name: DisplayName::new(plan.name)?,
            readiness_status: plan.readiness,
            data_domain: DataDomain::EducationRostering,
            effective: None,
            expiration: None,
        };
        let reserved = Reserved { id: TimeOrderedIds.next(at), received: at };
        let flows = FlowService::new(self.environment(at));
        Ok(flows.create_reserved(tenant, new, reserved).await?.key)
    }

    pub(super) async fn create_run(
        &self,
        flow: FlowKey,
        name: &str,
        at: Timestamp,
    ) -> Result<RunKey, DemoError> {
        let new = NewRun {
            display_name: DisplayName::new(name)?,
            start: None,
            end: None,
            status: RunStatus::Running,
            blocking_error: None,
            statistics: parse_object(b"{}")?,
        };
        let created = self.runs(at).create(flow, Via::default(), None, new, requester(at)).await?;
        let (RunCreated::New(run) | RunCreated::Existing(run)) = created;
        Ok(run.key)
    }

    /// Reports statistics, as JSON.
    pub(super) async fn report(
        &self,
        run: RunKey,
        statistics: &str,
        at: Timestamp,
    ) -> Result<(), DemoError> {
        let statistics = Field::Value(parse_object(statistics.as_bytes())?);
        self.patch(run, RunPatch { statistics, ..RunPatch::default() }, at).await
    }

    pub(super) async fn end(&self, run: RunKey, end: End) -> Result<(), DemoError> {
        let error = match end.outcome {
            Outcome::Failed => Some(statistics::FAILURE),
            Outcome::CompletedWithErrors => Some(statistics::REJECTED_RECORDS),
            Outcome::Completed | Outcome::CompletedWithWarnings => None,
        };
        self.end_with(run, end, error).await
    }

    /// Ends a run with this blockingError, as JSON.
    pub(super) async fn end_with(
        &self,
        run: RunKey,
        end: End,
        error: Option<&str>,
    ) -> Result<(), DemoError> {
        let blocking_error = match error {
            Some(json) => {
                let patch = PublicErrorPatch::new(parse_object(json.as_bytes())?);
                Nullable::Value(patch.map_err(|error| format!("{error:?}"))?)
            }
            None => Nullable::Absent,
        };
        let patch = RunPatch {
            status: Field::Value(RunStatus::Ended(end.outcome)),
            statistics: Field::Value(parse_object(end.statistics.as_bytes())?),
            blocking_error,
            ..RunPatch::default()
        };
        self.patch(run, patch, end.at).await
    }

    async fn patch(&self, run: RunKey, patch: RunPatch, at: Timestamp) -> Result<(), DemoError> {
        let address = RunAddress { key: run, via: Via::default() };
        self.runs(at).patch(address, patch, IfMatch::Absent, requester(at)).await?;
        Ok(())
    }

    fn runs(&self, at: Timestamp) -> RunService {
        RunService::new(self.environment(at))
    }

    fn environment(&self, at: Timestamp) -> Environment {
        Environment {
            store: Arc::clone(&self.store),
            clock: Arc::new(FixedClock::at(at)),
            ids: Arc::new(TimeOrderedIds),
        }
    }
}

fn requester(at: Timestamp) -> Requester {
    Requester { actor: ACTOR.to_owned(), request: TimeOrderedIds.next(at) }
}
