//! What the services need: a store, a clock, a source of ids, and the caller of a request.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    clock::{Clock, Ids},
    id::EventId,
    run::event::ReportOrigin,
    service::error::ServiceError,
    store::{
        error::{StoreError, StoreErrorKind},
        readiness::Store,
    },
    timestamp::Timestamp,
};

/// The caller of a request, for the history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requester {
    /// The name of the caller, from the token.
    pub actor: String,
    /// The id of the HTTP request.
    pub request: Uuid,
}

/// What the services use.
#[derive(Clone)]
pub struct Environment {
    /// Stores runs, flows and idempotency keys.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of new ids.
    pub ids: Arc<dyn Ids>,
}

impl Environment {
    /// The current time, and a new id.
    pub fn now_and_id(&self) -> (Timestamp, Uuid) {
        let now = self.clock.now();
        (now, self.ids.next(now))
    }

    pub(super) fn origin(&self, requester: Requester) -> Result<ReportOrigin, ServiceError> {
        let (received, id) = self.now_and_id();
        let event =
            EventId::new(id).map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        Ok(ReportOrigin { event, actor: requester.actor, request: requester.request, received })
    }
}
