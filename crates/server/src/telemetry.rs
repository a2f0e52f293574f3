//! The log: on stderr, for people or for machines. Never a token, never a body.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

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
    let started = match log.format {
        LogFormat::Pretty => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}
