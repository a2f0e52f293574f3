//! Sending of requests: one attempt, and attempts until a deadline.

mod http_transport;
mod limit;
mod request;
mod retry;
mod sender;

pub use self::{http_transport::HttpTransport, request::Transport};
pub(crate) use self::{
    limit::{Limit, LimitSetter},
    request::{Answer, CLIENT_REQUEST_ID, IDEMPOTENCY_KEY, PREFER, Prepared},
    retry::{Backoff, RetryBudget},
    sender::{Attempt, Sender},
};
