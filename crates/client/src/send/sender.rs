//! Sends requests: adds the token, classifies responses, retries.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use flowruns_domain::clock::Clock;
use http::{HeaderMap, HeaderName, Method, Response, header};
use tokio::{
    select,
    time::{Instant, sleep, timeout},
};

use super::{
    limit::Limit,
    request::{Answer, IDEMPOTENCY_KEY, Prepared, Transport},
    retry::{Backoff, RetryBudget},
};
use crate::{Error, JobError, refusal::Refusal, token::TokenCache};

/// A longer Retry-After counts as this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Every response of the service has this header. A page that a proxy or a login portal sends with 200 does not.
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// Sends requests of a client to its server.
pub(crate) struct Sender {
    pub(crate) server: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) tokens: TokenCache,
    pub(crate) budget: RetryBudget,
    pub(crate) clock: Arc<dyn Clock>,
    /// The time of one attempt.
    pub(crate) attempt_timeout: Duration,
}

/// What became of one attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// 2xx or 304.
    Done(Answer),
    /// A final response, or no token.
    Final(Error),
    /// No final response: it may be tried again, after the pause that the server asks for.
    Again { cause: JobError, after: Option<Duration> },
}

impl Sender {
    /// Sends until there is a final response, or the limit passes. A repetition must be harmless: the caller sees to it.
    pub(crate) async fn send(&self, request: &Prepared, limit: &Limit) -> Result<Answer, Error> {
        let mut backoff = Backoff::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let attempt = select! {
                biased;
                attempt = self.attempt(request) => attempt,
                () = limit.passed() => Attempt::Again { cause: "no response until the deadline".into(), after: None },
            };
            let (cause, after) = match attempt {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Final(error) => return Err(error),
                Attempt::Again { cause, after } => (cause, after),
            };
            let pause = self.pause(&mut backoff, after);
            let is_too_late = limit.get().is_some_and(|at| Instant::now() + pause >= at);
            let may_continue = !is_too_late
                && select! {
                    () = sleep(pause) => true,
                    () = limit.passed() => false,
                };
            if !may_continue {
                self.budget.give_back();
                return Err(Error::Away {
                    server: self.server.clone(),
                    attempts,
                    last: Some(cause),
                });
            }
        }
    }

    /// The pause before the next attempt. It takes a retry from the budget.
    pub(crate) fn pause(&self, backoff: &mut Backoff, after: Option<Duration>) -> Duration {
        backoff.next(fastrand::f64(), after).max(self.budget.take(Instant::now()))
    }

    /// Sends once, and once more with a new token after 401.
    pub(crate) async fn attempt(&self, request: &Prepared) -> Attempt {
        let mut renewed = false;
        loop {
            let token = match self.tokens.token(self.clock.now()).await {
                Ok(token) => token,
                Err(error) if error.is_temporary() => return again(error, None),
                Err(error) => return Attempt::Final(Error::Token(error)),
            };
            let authorized = match request.authorized(token.bearer()) {
                Ok(request) => request,
                Err(error) => return Attempt::Final(Error::Unreadable(error.to_string())),
            };
            let sent = timeout(self.attempt_timeout, self.transport.send(authorized)).await;
            let response = match sent {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return again(error, None),
                Err(elapsed) => return again(elapsed, None),
            };
            if response.status().as_u16() == 401 && !renewed {
                renewed = true;
                self.tokens.discard(&token).await;
                continue;
            }
            return self.classify(request, response);
        }
    }

    fn classify(&self, request: &Prepared, response: Response<bytes::Bytes>) -> Attempt {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let is_done = head.status.is_success() || status == 304;
        if is_done && head.headers.contains_key(ODATA_VERSION) {
            self.budget.succeeded();
            return Attempt::Done(Answer { status, body });
        }
        let after = self.retry_after(&head.headers);
        let refusal = Refusal::read(status, &body, after.map(|after| after.as_secs()));
        let Some(refusal) = refusal else {
            // Not from the service: a proxy between may answer so while the server is away.
            return again(format!("a response {status} that is not one of flowruns"), after);
        };
        // A write with an idempotency key whose first attempt is still being executed.
        let is_in_flight =
            status == 409 && after.is_some() && request.headers.contains_key(IDEMPOTENCY_KEY);
        let is_read = request.method == Method::GET;
        match status {
            408 | 429 | 502 | 503 | 504 => again(refusal, after),
            // A defect, whose effect is not known. It may be one of this moment.
            500 if is_read => Attempt::Final(Error::Refused(refusal)),
            500.. => again(refusal, after),
            409 if is_in_flight => again(refusal, after),
            400 => Attempt::Final(Error::Invalid(refusal)),
            401 | 403 => Attempt::Final(Error::NotAllowed(refusal)),
            404 => Attempt::Final(Error::NotFound(refusal)),
            _ => Attempt::Final(Error::Refused(refusal)),
        }
    }

    /// The pause that a response asks for, in seconds or until a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
        }
        let date = |text: &str| DateTime::parse_from_rfc2822(text.trim()).ok();
        let until = date(value)?.to_utc();
        // By the clock that made the date, if the response tells it: ours may differ.
        let theirs = headers.get(header::DATE).and_then(|value| date(value.to_str().ok()?));
        let now = theirs.map_or_else(|| self.clock.now().date_time(), |theirs| theirs.to_utc());
        let pause = until.signed_duration_since(now);
        Some(pause.to_std().unwrap_or_default().min(MAX_RETRY_AFTER))
    }
}

fn again(cause: impl Into<JobError>, after: Option<Duration>) -> Attempt {
    Attempt::Again { cause: cause.into(), after }
}
