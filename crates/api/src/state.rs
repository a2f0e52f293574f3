//! What every handler stands on.

use std::{sync::Arc, time::Duration};

use flowruns_domain::{Environment, FlowService, RunService};

use crate::{auth::TokenVerifier, odata::cursor::CursorKey};

/// What the routes need.
#[derive(Clone)]
pub struct ApiOptions {
    /// Store, clock and ids.
    pub environment: Environment,
    /// Checks bearer tokens.
    pub verifier: Arc<TokenVerifier>,
    /// The longest request body, in bytes; a longer one is 413.
    pub max_body_bytes: usize,
    /// How long a request may take; then it is answered 503.
    pub request_timeout: Duration,
    /// Whether PATCH and DELETE without If-Match are 428.
    pub require_if_match: bool,
    /// Signs the links to next pages.
    pub cursor_key: CursorKey,
}

/// The state of the router.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) options: ApiOptions,
    pub(crate) runs: RunService,
    pub(crate) flows: FlowService,
}

impl Api {
    pub(crate) fn new(options: ApiOptions) -> Self {
        let runs = RunService::new(options.environment.clone());
        let flows = FlowService::new(options.environment.clone());
        Self {
            options,
            runs,
            flows,
        }
    }
}
