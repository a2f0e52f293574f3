//! A store behind the service of the domain, without HTTP.

use async_trait::async_trait;
use flowruns_domain::{
    id::{FlowId, FlowKey, RunId},
    query::{EventPageRequest, Page, PageRequest, PageSize, RunQuery, RunScope},
    rejection::Rejection,
    run::{Run, RunAddress, Via},
    service::{Environment, Requester, RunCreated, RunService, ServiceError},
    version::Version,
    violation::Rule,
};

use super::{
    report::{Creation, Report},
    target::{Entry, Listing, RejectionCode, Seen, Target, TargetResponse},
    wire,
};
use flowruns_testing::fixtures;

/// Any store, as the routes use it. Rejections have the status codes of the contract.
#[derive(Clone)]
pub struct StoreTarget {
    service: RunService,
    flow: FlowKey,
}

impl StoreTarget {
    /// A target of a flow that is stored.
    pub const fn new(environment: Environment, flow: FlowKey) -> Self {
        Self { service: RunService::new(environment), flow }
    }

    const fn address(&self, run: RunId) -> RunAddress {
        RunAddress { key: self.flow.run(run), via: Via::NONE }
    }
}

#[async_trait]
impl Target for StoreTarget {
    fn flow(&self) -> FlowId {
        self.flow.flow
    }

    async fn create(&self, creation: &Creation) -> TargetResponse<Seen> {
        let (id, new) = (Some(creation.id), creation.new.clone());
        let created = self.service.create(self.flow, Via::NONE, id, new, requester());
        response(created.await).map(|created| match created {
            RunCreated::New(run) | RunCreated::Existing(run) => wire::seen(&run),
        })
    }

    async fn patch(&self, run: RunId, report: &Report) -> TargetResponse<Seen> {
        let patch = match &report.meaning {
            Ok(patch) => patch.clone(),
            // An invalid body never reaches the service.
            Err(rule) => return TargetResponse::Rejected(invalid(*rule)),
        };
        let (address, if_match) = (self.address(run), report.if_match.clone());
        let patched = self.service.patch(address, patch, if_match, requester());
        response(patched.await).map(|run: Run| wire::seen(&run))
    }

    async fn get(&self, run: RunId) -> TargetResponse<Seen> {
        let found = self.service.get(self.address(run)).await;
        response(found).map(|run| wire::seen(&run))
    }

    async fn list(&self, page_rows: u16) -> TargetResponse<Listing> {
        let mut rows = Vec::new();
        let mut after = None;
        for _ in 0..Listing::MAX_PAGES {
            let query = RunQuery {
                size: PageSize::new(page_rows).unwrap_or_default(),
                after,
                ..RunQuery::new(RunScope::Flow(self.flow))
            };
            let page = match response(self.service.query(Via::NONE, &query).await) {
                TargetResponse::Done(page) => page,
                TargetResponse::Rejected(rejection) => return TargetResponse::Rejected(rejection),
                TargetResponse::Unknown(reason) => return TargetResponse::Unknown(reason),
            };
            let summaries = page.items.iter().map(|row| &row.summary);
            rows.extend(summaries.map(wire::seen_in_list));
            let Some(next) = page.next else {
                return TargetResponse::Done(Listing { rows, complete: true });
            };
            after = Some(next.after);
        }
        TargetResponse::Done(Listing { rows, complete: false })
    }

    async fn history(&self, run: RunId) -> TargetResponse<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().and_then(|last| Version::new(last.version));
            let request: EventPageRequest =
                PageRequest { size: PageSize::new(PageSize::MAX).unwrap_or_default(), after };
            let page: Page<_> =
                match response(self.service.history(self.address(run), request).await) {
                    TargetResponse::Done(page) => page,
                    TargetResponse::Rejected(rejection) => {
                        return TargetResponse::Rejected(rejection);
                    }
                    TargetResponse::Unknown(reason) => return TargetResponse::Unknown(reason),
                };
            entries.extend(page.items.iter().map(wire::entry));
            if !page.has_more {
                return TargetResponse::Done(entries);
            }
        }
    }
}

fn requester() -> Requester {
    Requester { actor: "checker".to_owned(), request: fixtures::fresh_uuid() }
}

fn response<T>(result: Result<T, ServiceError>) -> TargetResponse<T> {
    match result {
        Ok(value) => TargetResponse::Done(value),
        Err(ServiceError::Rejected(rejected)) => TargetResponse::Rejected(rejection(&rejected)),
        Err(ServiceError::Store(error)) => TargetResponse::Unknown(error.to_string()),
        Err(ServiceError::UnsupportedQuery(_)) => {
            TargetResponse::Rejected(RejectionCode::new(400, "queryNotOffered"))
        }
        Err(ServiceError::FlowNotFound) => {
            TargetResponse::Rejected(RejectionCode::new(404, "flowNotFound"))
        }
        Err(ServiceError::RunNotFound) => {
            TargetResponse::Rejected(RejectionCode::new(404, "runNotFound"))
        }
        Err(ServiceError::IdInUse { .. } | ServiceError::IdDeleted(_)) => {
            TargetResponse::Rejected(RejectionCode::new(409, "idTaken"))
        }
        Err(ServiceError::FlowHasRuns) => {
            TargetResponse::Rejected(RejectionCode::new(409, "flowHasRuns"))
        }
    }
}

/// The status and code that the contract gives to a rejection.
pub(super) fn rejection(rejected: &Rejection) -> RejectionCode {
    match rejected {
        // Of several violations the code is that of the first.
        Rejection::Invalid(faults) => {
            invalid(faults.first().map_or(Rule::InvalidType, |fault| fault.rule))
        }
        Rejection::PreconditionRequired => RejectionCode::new(428, "preconditionRequired"),
        Rejection::PreconditionFailed => RejectionCode::new(412, "entityTagDoesNotMatch"),
        Rejection::VersionExcluded => RejectionCode::new(412, "entityTagMatches"),
        Rejection::Conflict(conflict) => RejectionCode::new(409, conflict.rule.code()),
    }
}

pub(super) fn invalid(rule: Rule) -> RejectionCode {
    RejectionCode::new(400, rule.code())
}
