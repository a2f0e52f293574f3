//! What is known about a request: its ids, and what the handlers find out.

use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use flowruns_admission::{AdmissionController, CallerId, Overloaded, Permit, Priority};
use flowruns_domain::id::TenantId;
use uuid::{Uuid, fmt::Hyphenated};

use crate::{deadline::Deadline, route_name::RouteName};

/// The header of the server's id for a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The header of the client's id for a request.
pub const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
/// The longest id of a client, in bytes; a longer one is ignored.
const MAX_CLIENT_REQUEST_ID: usize = 256;

/// What is known about a request. The pipeline puts it into the extensions of each request as `Arc<RequestContext>`, and
/// handlers note there what only they know.
#[derive(Debug)]
pub struct RequestContext {
    request_id: Uuid,
    deadline: Deadline,
    client_request_id: Option<HeaderValue>,
    tenant: OnceLock<TenantId>,
    route: OnceLock<RouteName>,
    /// Acquired before the body is read, and held until the response is sent.
    permit: OnceLock<Permit>,
}

impl RequestContext {
    /// The context of a request that has just arrived.
    pub fn new(request_id: Uuid, deadline: Deadline, headers: &HeaderMap) -> Self {
        let is_usable = |id: &&HeaderValue| {
            (1..=MAX_CLIENT_REQUEST_ID).contains(&id.len()) && id.to_str().is_ok()
        };
        let sent = headers.get(CLIENT_REQUEST_ID).filter(is_usable);
        Self {
            request_id,
            deadline,
            client_request_id: sent.cloned(),
            tenant: OnceLock::new(),
            route: OnceLock::new(),
            permit: OnceLock::new(),
        }
    }

    /// The server's id for the request.
    pub const fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The time by which the request is answered.
    pub const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The client's id for the request, if it sent a usable one in `client-request-id`.
    pub fn client_request_id(&self) -> Option<&str> {
        self.client_request_id.as_ref()?.to_str().ok()
    }

    /// Admits the request. It counts until its response is sent, or as long as the context lives if that is longer.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when the limits leave no capacity for it.
    pub(crate) fn admit(
        &self,
        controller: &Arc<AdmissionController>,
        caller: CallerId,
        priority: Priority,
        bytes: usize,
    ) -> Result<&Permit, Overloaded> {
        let permit = controller.admit(caller, priority, bytes)?;
        Ok(self.permit.get_or_init(|| permit))
    }

    /// The permit of the request, once it was admitted.
    pub fn permit(&self) -> Option<&Permit> {
        self.permit.get()
    }

    /// Notes the route, which is known only inside the router. The first one counts.
    pub fn note_route(&self, route: RouteName) {
        let _already_noted = self.route.set(route);
    }

    /// The route, [`RouteName::UNKNOWN`] until it is noted.
    pub(crate) fn route(&self) -> RouteName {
        self.route.get().copied().unwrap_or(RouteName::UNKNOWN)
    }

    /// Notes the tenant of the caller. The first one counts.
    pub fn note_tenant(&self, tenant: TenantId) {
        let _already_noted = self.tenant.set(tenant);
    }

    /// The tenant of the caller, once its token was verified.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.tenant.get().copied()
    }

    /// Adds both ids to a response. A client that sent no id gets the server's for both.
    pub(crate) fn add_ids(&self, headers: &mut HeaderMap) {
        let mut buffer = [0; Hyphenated::LENGTH];
        let id = self.request_id.hyphenated().encode_lower(&mut buffer);
        let Ok(request_id) = HeaderValue::from_str(id) else {
            return;
        };
        let client_request_id = self.client_request_id.as_ref().unwrap_or(&request_id);
        let client_request_id = client_request_id.clone();
        headers.insert(REQUEST_ID, request_id);
        headers.insert(CLIENT_REQUEST_ID, client_request_id);
    }
}
