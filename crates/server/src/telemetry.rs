//! The log: on stderr, for people or for machines. Never a token, never a body.

#[cfg(feature = "otel")]
mod otel;

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use anyhow::Context as _;
use flowruns_api::RequestTracer;
use tracing::Subscriber;
#[cfg(feature = "otel")]
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, registry::LookupSpan, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// What would tell a secret, whatever the operator asks for: sqlx repeats the values of parameters of DATABASE_URL that it
/// does not know, such as a password with a wrong name.
const NEVER_LOGGED: [&str; 1] = ["sqlx_postgres::options::parse=off"];

/// Starts logging.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| log.filter.clone());
    let mut filter = EnvFilter::try_new(&directives)
        .with_context(|| format!("the log filter {directives:?} is wrong"))?;
    for capped in NEVER_LOGGED {
        filter = filter.add_directive(capped.parse()?);
    }
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Pretty => init(subscriber.finish()),
        LogFormat::Json => init(subscriber.json().finish()),
    }
}

/// What sends the traces of requests, if anything.
pub(crate) fn tracer() -> Option<Arc<dyn RequestTracer>> {
    #[cfg(feature = "otel")]
    let tracer = otel::tracer();
    #[cfg(not(feature = "otel"))]
    let tracer = None;
    tracer
}

/// Sends what is left of the traces.
pub(crate) fn stop() {
    #[cfg(feature = "otel")]
    otel::stop();
}

fn init<S>(subscriber: S) -> anyhow::Result<()>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    #[cfg(feature = "otel")]
    let subscriber = subscriber.with(otel::layer()?);
    let started = subscriber.try_init();
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
