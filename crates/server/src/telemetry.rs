//! The log on stderr, as text or JSON. It never contains tokens or bodies.

#[cfg(feature = "otel")]
mod otel;
mod panics;

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use flowruns_http::RequestTracer;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
#[cfg(feature = "otel")]
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, registry::LookupSpan, util::SubscriberInitExt as _};

use crate::config::{LogFormat, LogSettings};

/// Log targets that are always off, since they would log secrets: sqlx logs the values of parameters of DATABASE_URL that it does not
/// know, such as a password with a misspelled name.
const NEVER_LOGGED: [&str; 1] = ["sqlx_postgres::options::parse=off"];

/// How many lines may wait to be written. Further ones are dropped and counted, so that a pipe without a reader does not block
/// requests.
const MAX_BUFFERED_LINES: usize = 8192;

static DROPPED_LINES: OnceLock<ErrorCounter> = OnceLock::new();

/// Flushes the log when it is dropped.
pub(crate) struct LogWriter(
    #[expect(dead_code, reason = "only its drop has an effect")] WorkerGuard,
);

/// The number of dropped lines.
pub(crate) fn dropped_lines() -> usize {
    DROPPED_LINES.get().map_or(0, ErrorCounter::dropped_lines)
}

fn writer() -> (NonBlocking, LogWriter) {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_BUFFERED_LINES)
        .thread_name("log")
        .finish(io::stderr());
    DROPPED_LINES.get_or_init(|| writer.error_counter());
    (writer, LogWriter(guard))
}

/// Starts logging.
pub(crate) fn start(log: &LogSettings) -> anyhow::Result<LogWriter> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| log.filter.clone());
    let mut filter = EnvFilter::try_new(&directives)
        .with_context(|| format!("the log filter {directives:?} is invalid"))?;
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

/// The tracer that exports requests, if one is configured.
pub(crate) fn tracer() -> Option<Arc<dyn RequestTracer>> {
    #[cfg(feature = "otel")]
    let tracer = otel::tracer();
    #[cfg(not(feature = "otel"))]
    let tracer = None;
    tracer
}

/// Exports the remaining traces.
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
