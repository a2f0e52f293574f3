//! The log: on stderr, for people or for machines. Never a token, never a body.

#[cfg(feature = "otel")]
mod otel;
mod panics;

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use flowruns_api::RequestTracer;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
#[cfg(feature = "otel")]
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, registry::LookupSpan, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

/// What would tell a secret, whatever the operator asks for: sqlx repeats the values of parameters of DATABASE_URL that it
/// does not know, such as a password with a wrong name.
const NEVER_LOGGED: [&str; 1] = ["sqlx_postgres::options::parse=off"];

/// Lines that wait to be written. More are dropped and counted: a pipe that nobody reads must not hold up a request.
const WAITING_LINES: usize = 8192;

static LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// Writes what waits when it is dropped, if somebody reads it.
pub(crate) struct LogWriter(#[expect(dead_code, reason = "it is there to be dropped")] WorkerGuard);

/// How many lines were dropped.
pub(crate) fn dropped_lines() -> usize {
    LINES.get().map_or(0, ErrorCounter::dropped_lines)
}

fn writer() -> (NonBlocking, LogWriter) {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr());
    LINES.get_or_init(|| writer.error_counter());
    (writer, LogWriter(guard))
}

/// Starts logging.
pub(crate) fn start(log: &Log) -> anyhow::Result<LogWriter> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| log.filter.clone());
    let mut filter = EnvFilter::try_new(&directives)
        .with_context(|| format!("the log filter {directives:?} is wrong"))?;
    for capped in NEVER_LOGGED {
        filter = filter.add_directive(capped.parse()?);
    }
    let (writer, guard) = writer();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Pretty => init(subscriber.finish())?,
        LogFormat::Json => init(subscriber.json().finish())?,
    }
    panics::install();
    Ok(guard)
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
