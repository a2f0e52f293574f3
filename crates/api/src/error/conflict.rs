//! Conflicts of a request with what is stored.

use axum::http::StatusCode;
use flowruns_domain::{property, rejection::Conflict};
use flowruns_http::ErrorDetail;

use super::ApiError;

impl From<Conflict> for ApiError {
    fn from(conflict: Conflict) -> Self {
        let detail = |code, target: Option<&str>, message| ErrorDetail {
            code,
            message,
            target: target.map(str::to_owned),
        };
        let status = Some(property::STATUS);
        let stored = conflict.stored;
        let mut details = vec![
            detail("storedStatus", status, format!("{stored}: the status that is stored")),
            detail(
                "reachedDateTime",
                status,
                format!("{}: since then the run is {stored}", conflict.reached),
            ),
        ];
        details.extend(conflict.allowed.iter().map(|allowed| {
            let message = format!(
                "{allowed}: this status can still be reported; leave status out to add statistics"
            );
            detail("allowedStatus", status, message)
        }));
        let message = "false: the same report is refused again; change it as the message says";
        details.push(detail("retryable", None, message.to_owned()));
        let code = conflict.rule.code();
        Self::new(StatusCode::CONFLICT, code, conflict.to_string())
            .with_target(property::STATUS)
            .with_details(details)
    }
}

impl ApiError {
    /// 409: the id belongs to a run that was created with other values of these properties.
    pub(super) fn id_taken(message: String, differing: &[&str]) -> Self {
        let details = differing.iter().map(|property| ErrorDetail {
            code: "differs",
            message: format!("{property} differs from what the run was created with"),
            target: Some((*property).to_owned()),
        });
        Self::new(StatusCode::CONFLICT, "idTaken", message).with_target("id").with_details(details)
    }
}
