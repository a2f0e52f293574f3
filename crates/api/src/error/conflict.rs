//! A report that the stored run does not allow.

use axum::http::StatusCode;
use flowruns_domain::Conflict;

use super::{ApiError, Detail};

impl From<Conflict> for ApiError {
    fn from(conflict: Conflict) -> Self {
        let detail = |code, target: &str, message| Detail {
            code,
            message,
            target: Some(target.to_owned()),
        };
        let stored = conflict.stored;
        let mut details = vec![
            detail(
                "storedStatus",
                "status",
                format!("{stored}: the status that is stored"),
            ),
            detail(
                "reachedDateTime",
                "status",
                format!("{}: since then the run is {stored}", conflict.reached),
            ),
        ];
        details.extend(conflict.allowed.iter().map(|status| {
            let message = format!(
                "{status}: this status can still be reported; leave status out to add statistics"
            );
            detail("allowedStatus", "status", message)
        }));
        let message =
            "false: the same report is refused again; change it as the message says".to_owned();
        details.push(Detail {
            code: "retryable",
            message,
            target: None,
        });
        let error = Self::new(
            StatusCode::CONFLICT,
            conflict.rule.code(),
            conflict.to_string(),
        );
        let error = error.with_target(flowruns_domain::property::STATUS);
        Self { details, ..error }
    }
}

impl ApiError {
    /// A creation of an id that a run has already, with other values of these properties.
    pub(super) fn id_taken(message: String, differing: &[&str]) -> Self {
        let details = differing.iter().map(|property| Detail {
            code: "differs",
            message: format!("{property} differs from what the run was created with"),
            target: Some((*property).to_owned()),
        });
        let details = details.collect();
        let error = Self::new(StatusCode::CONFLICT, "idTaken", message).with_target("id");
        Self { details, ..error }
    }
}
