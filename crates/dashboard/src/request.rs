//! A request for a page: who sent it, and what it may read. The order of the checks is that of the API: host, session (redirect
//! or 401), rate of the visitor (429), admission (503), then what the page itself checks.

use std::{str::FromStr, sync::Arc, time::Duration};

use axum::{
    RequestPartsExt as _,
    body::Body,
    extract::{RawPathParams, Request},
    http::{HeaderMap, Method, request::Parts},
};
use bytes::Bytes;
use flowruns_domain::{
    id::{FlowId, FlowKey, InvalidId, RunKey, TenantId},
    service::Requester,
    store::Store,
    timestamp::Timestamp,
};
use flowruns_http::{
    Admission, BodyLimits, BodyReader, LARGE_BYTES, Priority, RequestContext, RequestError,
    auth::Permission,
};

use crate::{
    address::Parameters,
    context::{PageContext, Session},
    live::Tick,
    options::Dashboard,
    policy,
    problem::Problem,
    visitor::Visitor,
};

/// The charge of a page while it is made, in bytes: rows, view and text.
const PAGE_BYTES: usize = LARGE_BYTES;
/// The longest form, in bytes: the ids of 100 runs with their flows.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// How long a browser may pause while it sends a form.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
/// The field of a form with the value of its session.
pub(crate) const FORM_TOKEN: &str = "token";

/// A request for a page, of a visitor, admitted.
pub(crate) struct PageRequest {
    pub(crate) dashboard: Arc<Dashboard>,
    pub(crate) visitor: Visitor,
    pub(crate) context: Arc<RequestContext>,
    pub(crate) page: Arc<PageContext>,
    pub(crate) now: Timestamp,
    query: Option<String>,
    /// The body of a POST, whose origin and token were checked; else empty.
    form: Bytes,
    params: RawPathParams,
}

/// Why a request is not answered with its page.
pub(crate) enum Refused {
    /// The browser is sent to the sign-in, and returns to this address.
    SignIn,
    Problem(Problem),
}

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl PageRequest {
    /// Checks and admits a request.
    pub(crate) async fn new(dashboard: Arc<Dashboard>, request: Request) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        if let Some(tick) = parts.extensions.remove::<Tick>() {
            return Self::of_tick(dashboard, parts, &tick).await;
        }
        let (context, page) = contexts(&parts)?;
        let options = &dashboard.options;
        policy::check_host(&page.origin, &options.hosts)?;
        let is_form = parts.method == Method::POST;
        if is_form {
            policy::check_same_origin(&parts.headers, &page.origin)?;
        }
        let now = options.environment.clock.now();
        let visitor = options.gate.visitor(&parts.headers, now);
        let visitor = visitor.map_err(|_not_signed_in| match is_form {
            true => Refused::Problem(Problem::not_signed_in()),
            false => Refused::SignIn,
        })?;
        context.note_tenant(visitor.tenant);
        let form_token = options.gate.form_token(&visitor);
        page.note_session(Session { visitor: visitor.clone(), form_token });
        let caller = options.admission.count(&visitor.caller())?;
        let permit = options.admission.admit(&context, caller, Priority::List, PAGE_BYTES)?;
        let form = match is_form {
            true => read_form(&options.admission, &context, (&parts.headers, body)).await?,
            false => Bytes::new(),
        };
        permit.charge(PAGE_BYTES)?;
        let params = parts.extract().await.map_err(|_not_utf8| not_utf8())?;
        let query = parts.uri.query().map(str::to_owned);
        let request = Self { visitor, context, page, now, query, form, params, dashboard };
        if is_form {
            request.check_token()?;
        }
        Ok(request)
    }

    /// The request of a watch, which is admitted already and has an audience instead of a session.
    async fn of_tick(
        dashboard: Arc<Dashboard>,
        mut parts: Parts,
        tick: &Tick,
    ) -> Result<Self, Refused> {
        let (context, page) = contexts(&parts)?;
        let visitor = tick.visitor();
        page.note_session(Session { visitor: visitor.clone(), form_token: String::new() });
        let params = parts.extract().await.map_err(|_not_utf8| not_utf8())?;
        let now = dashboard.options.environment.clock.now();
        let query = parts.uri.query().map(str::to_owned);
        let form = Bytes::new();
        Ok(Self { visitor, context, page, now, query, form, params, dashboard })
    }

    fn check_token(&self) -> Result<(), Problem> {
        let sent = self.form().take(FORM_TOKEN, |text| Ok(text.to_owned()));
        let gate = &self.dashboard.options.gate;
        match sent.is_some_and(|token| gate.is_form_token(&self.visitor, &token)) {
            true => Ok(()),
            false => Err(Problem::forbidden_form()),
        }
    }

    /// The tenant whose rows the page may read.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.visitor.tenant
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.dashboard.options.environment.store
    }

    /// The query of the address, for its type.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The fields of the form of a POST. The field of the token is one of them.
    pub(crate) fn form(&self) -> Parameters {
        Parameters::of_form(&self.form)
    }

    /// Checks that the visitor has a permission.
    ///
    /// # Errors
    ///
    /// 403 otherwise.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Problem> {
        match self.visitor.may(permission) {
            true => Ok(()),
            false => Err(Problem::forbidden(permission, self.visitor.permission)),
        }
    }

    /// The visitor, for the history of a run that a form changes.
    pub(crate) fn requester(&self) -> Requester {
        Requester { actor: self.visitor.actor.clone(), request: self.context.request_id() }
    }

    /// The flow of the address. A malformed id is 404 as an unknown one.
    pub(crate) fn flow_key(&self) -> Result<FlowKey, Problem> {
        let flow: FlowId = self.id("flow").ok_or_else(|| Problem::not_found("flow"))?;
        Ok(FlowKey { tenant: self.tenant(), flow })
    }

    /// The run of the address. A malformed id is 404 as an unknown one.
    pub(crate) fn run_key(&self) -> Result<RunKey, Problem> {
        let run = self.id("run").ok_or_else(|| Problem::not_found("run"))?;
        Ok(self.flow_key()?.run(run))
    }

    fn id<T: FromStr<Err = InvalidId>>(&self, name: &str) -> Option<T> {
        let mut params = self.params.iter();
        params.find(|(param, _)| *param == name)?.1.parse().ok()
    }
}

/// The body of a form.
async fn read_form(
    admission: &Admission,
    context: &RequestContext,
    sent: (&HeaderMap, Body),
) -> Result<Bytes, RequestError> {
    let limits = BodyLimits { max_bytes: MAX_FORM_BYTES, idle_timeout: FORM_TIMEOUT };
    let mut reader = BodyReader::new(admission, context, sent, limits)?;
    match context.permit() {
        Some(permit) => reader.read(permit).await,
        None => Err(RequestError::internal("a form of a request that was not admitted")),
    }
}

/// The contexts that the pipeline and the router have put into a request.
pub(crate) fn contexts(
    parts: &Parts,
) -> Result<(Arc<RequestContext>, Arc<PageContext>), RequestError> {
    let context = parts.extensions.get::<Arc<RequestContext>>().cloned();
    let page = parts.extensions.get::<Arc<PageContext>>().cloned();
    context
        .zip(page)
        .ok_or_else(|| RequestError::internal("a request that has not passed through the pipeline"))
}

fn not_utf8() -> RequestError {
    RequestError::bad_request("invalidPath", "The path is not UTF-8 after decoding.")
}
