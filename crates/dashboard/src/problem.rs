//! Why a page is not shown, and what a person can do about it.

use std::{borrow::Cow, fmt};

use axum::http::{Method, StatusCode};
use flowruns_domain::{
    id::RunId,
    service::ServiceError,
    store::{StoreError, StoreErrorKind},
};
use flowruns_http::{ErrorDetail, Overloaded, RequestError, auth::Permission};

use crate::{address::BadAddress, links};

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) error: Box<RequestError>,
    pub(crate) explanation: Explanation,
}

/// What the page of a problem says besides the message of the error.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) title: Cow<'static, str>,
    /// Where to go from here; the first one is the obvious one.
    pub(crate) actions: Vec<Action>,
}

/// A link of a problem.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) label: Cow<'static, str>,
    /// Below the prefix.
    pub(crate) address: String,
}

/// 422: a form that is shown again with what is wrong with one of its fields.
pub(crate) const INVALID_FIELD: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// 400: a form whose body could not be read.
pub(crate) fn incomplete_form() -> RequestError {
    let message = "The form did not arrive completely, so nothing was changed. Try again.";
    RequestError::new(StatusCode::BAD_REQUEST, "incompleteForm", message)
}

/// 403: the address of a stream that was made for another session, or changed.
pub(crate) fn refused_view() -> RequestError {
    let message = "this view belongs to another session, or was changed; load its page again";
    RequestError::new(StatusCode::FORBIDDEN, "viewRefused", message)
}

impl Problem {
    /// A problem with its title, a short sentence without a full stop.
    pub(crate) fn new(error: RequestError, title: impl Into<Cow<'static, str>>) -> Self {
        let explanation = Explanation { title: title.into(), actions: Vec::new() };
        Self { error: Box::new(error), explanation }
    }

    /// The same problem with one more link, to an address below the prefix.
    #[must_use]
    pub(crate) fn with_action(
        mut self,
        label: impl Into<Cow<'static, str>>,
        address: impl fmt::Display,
    ) -> Self {
        let action = Action { label: label.into(), address: address.to_string() };
        self.explanation.actions.push(action);
        self
    }

    /// 403: a form that a page of this session has not sent.
    pub(crate) fn forbidden_form() -> Self {
        let message = "This form was not sent by a page of this session, so nothing was done. Open the page again and repeat.";
        let error = RequestError::new(StatusCode::FORBIDDEN, "foreignForm", message);
        Self::new(error, "Nothing was changed")
    }

    /// 404: no page has this address.
    pub(crate) fn no_page() -> Self {
        let message = "Check the address, or begin at the list of flows.";
        Self::from(RequestError::new(StatusCode::NOT_FOUND, "pageNotFound", message))
    }

    /// 405: the page does not have this method.
    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        let message = format!("The method {method} is not offered here. Follow a link instead.");
        Self::from(RequestError::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", message))
    }

    /// 404: the tenant has no such flow or run. Whether another tenant has it is not said.
    pub(crate) fn not_found(what: &'static str) -> Self {
        let message = format!(
            "It may have been deleted, or it belongs to another organization than the one that you are signed in to, or the \
             address is not complete. Check the address, or look for the {what} in the list."
        );
        let error = RequestError::new(StatusCode::NOT_FOUND, "notFound", message);
        Self::new(error, format!("There is no such {what}"))
    }

    /// 404: the flow has no such run to compare with. Whether another flow has it is not looked up.
    pub(crate) fn no_run_to_compare(run: RunId) -> Self {
        let message = format!(
            "The statistics of a run stand beside those of another run of the same flow, and this flow has no run {run}: it is a \
             run of another flow, was deleted, or its id is not complete."
        );
        let error = RequestError::new(StatusCode::NOT_FOUND, "notFound", message);
        Self::new(error, "The run to compare with is not one of this flow")
    }

    /// 400: parameters that are not understood.
    pub(crate) fn bad_address(bad: BadAddress) -> Self {
        let details = bad.faults.into_iter().map(|fault| ErrorDetail {
            code: "invalidParameter",
            message: fault.message,
            target: Some(fault.sent),
        });
        let message = "The rest of the address was understood.";
        let error = RequestError::bad_request("invalidParameter", message).with_details(details);
        Self::new(error, "This address has parameters that cannot be used")
            .with_action("Show without them", bad.without)
    }

    /// 403: the visitor lacks a permission.
    pub(crate) fn forbidden(needed: Permission, held: Permission) -> Self {
        let message = format!(
            "This needs the permission {needed}; your sign-in has {held}. Ask an administrator of the application for it, then \
             sign in again."
        );
        let error = RequestError::new(StatusCode::FORBIDDEN, "accessDenied", message);
        Self::new(error, "You are not allowed to do this")
            .with_action("Sign in again", links::SIGN_IN)
    }

    /// 401, where a redirect to the sign-in would not help.
    pub(crate) fn not_signed_in() -> Self {
        let message =
            "Your session has ended, or there was none. Nothing was done. Sign in, then repeat.";
        let error = RequestError::new(StatusCode::UNAUTHORIZED, "notSignedIn", message);
        Self::new(error, "You are not signed in").with_action("Sign in", links::SIGN_IN)
    }

    /// 421: the server has no pages for this host.
    pub(crate) fn wrong_host(host: &str) -> Self {
        let message = format!(
            "The pages of this server are not offered at {host}. Use the address that its operators gave you. If you operate it, \
             add this host to the configuration of the dashboard."
        );
        let error = RequestError::new(StatusCode::MISDIRECTED_REQUEST, "wrongHost", message);
        Self::new(error, "This is not an address of this server")
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        let explanation = Explanation::of(&error);
        Self { error: Box::new(error), explanation }
    }
}

impl From<Overloaded> for Problem {
    fn from(overloaded: Overloaded) -> Self {
        RequestError::from(overloaded).into()
    }
}

impl From<BadAddress> for Problem {
    fn from(bad: BadAddress) -> Self {
        Self::bad_address(bad)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind {
            StoreErrorKind::Unavailable
            | StoreErrorKind::Overloaded
            | StoreErrorKind::Contention => {
                let message = "Reports are rejected with Retry-After meanwhile, and callers that retry lose nothing.";
                let failed =
                    RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "storeUnavailable", message);
                let failed = failed.with_retry_after(5).with_cause(error);
                Self::new(failed, "The database does not respond")
            }
            StoreErrorKind::Conflict(_)
            | StoreErrorKind::Corrupt { .. }
            | StoreErrorKind::Internal => RequestError::internal(error).into(),
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::FlowNotFound => Self::not_found("flow"),
            ServiceError::RunNotFound => Self::not_found("run"),
            ServiceError::Store(error) => error.into(),
            ServiceError::Rejected(_)
            | ServiceError::IdInUse { .. }
            | ServiceError::IdDeleted(_)
            | ServiceError::FlowHasRuns => {
                let message = error.to_string();
                RequestError::new(StatusCode::CONFLICT, "rejected", message).into()
            }
            ServiceError::UnsupportedQuery(error) => RequestError::internal(error).into(),
        }
    }
}

impl Explanation {
    /// What is known about a failure that no page explains.
    pub(crate) fn of(error: &RequestError) -> Self {
        if let Some(title) = title_of_sign_in(error.code) {
            let again = Action { label: "Sign in".into(), address: links::SIGN_IN.to_owned() };
            let may_help = error.status != StatusCode::NOT_IMPLEMENTED;
            let actions = may_help.then_some(again).into_iter().collect();
            return Self { title: title.into(), actions };
        }
        let title = match (error.status, error.code) {
            (StatusCode::SERVICE_UNAVAILABLE, "requestTimeout") => "This page took too long",
            (StatusCode::SERVICE_UNAVAILABLE, _) => "The server is busy",
            (StatusCode::TOO_MANY_REQUESTS, _) => "Too many requests",
            (StatusCode::NOT_FOUND, _) => "There is no such page",
            (StatusCode::METHOD_NOT_ALLOWED, _) => "This address cannot be used in this way",
            (StatusCode::FORBIDDEN, _) => "You are not allowed to do this",
            (StatusCode::UNAUTHORIZED, _) => "You are not signed in",
            (status, _) if status.is_client_error() => "This request was not understood",
            _ => "The server failed on this page",
        };
        Self { title: Cow::Borrowed(title), actions: Vec::new() }
    }
}

/// The title of a failed sign-in, by the code that the gate gave it.
fn title_of_sign_in(code: &str) -> Option<&'static str> {
    Some(match code {
        "issuerUnavailable" => "The issuer does not respond",
        "signInNotConfigured" => "Sign-in is not configured",
        "signInNeedsHttps" => "Sign-in needs https",
        "noPermission" => "You have no permission here",
        "tooManySignIns" => "Too many attempts to sign in",
        "issuerRejected"
        | "wrongIssuer"
        | "idTokenRejected"
        | "accessTokenRejected"
        | "tokenExpiresTooSoon" => "You are not signed in",
        _ => return None,
    })
}
