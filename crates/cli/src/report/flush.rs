//! `flowruns report flush`.

use std::time::Duration;

use clap::Args;
use flowruns_client::{SpoolFlushed, blocking::Client, error_chain};
use serde_json::json;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::{Format, JsonArguments, Waiting, json, write},
};

/// How long one attempt may take. Another one follows while reports are delivered.
const ATTEMPT: Duration = Duration::from_secs(30);

/// How the result is printed.
#[derive(Args, Debug)]
pub struct FlushArguments {
    #[command(flatten)]
    format: JsonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(super) fn run(arguments: &FlushArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let client = arguments.connection.client(local)?;
    let waiting = Waiting::new("sending what is in the spool");
    let flushed = flush(&client)?;
    drop(waiting);
    let document = json!({
        "delivered": flushed.delivered,
        "refused": flushed.refused,
        "kept": flushed.kept,
        "otherServers": flushed.other,
        "expired": flushed.expired,
    });
    match arguments.format.format() {
        Format::People => write(&sentence(&flushed)),
        Format::Json => write(&json::pretty(&document)),
        Format::Ndjson => write(&json::line(&document)),
    }?;
    Ok(match flushed {
        SpoolFlushed { kept: 1.., .. } => Exit::Away,
        SpoolFlushed { refused: 1.., .. } => Exit::Refused,
        _ => Exit::Done,
    })
}

/// Sends until all is sent, or nothing more can be sent.
fn flush(client: &Client) -> Result<SpoolFlushed, Failure> {
    let mut total = SpoolFlushed::default();
    loop {
        let flushed = client.flush_spool(ATTEMPT);
        let flushed = flushed.map_err(|error| Failure::new(Exit::Failed, error_chain(&error)))?;
        total.delivered += flushed.delivered;
        total.refused += flushed.refused;
        total.expired += flushed.expired;
        (total.kept, total.other) = (flushed.kept, flushed.other);
        if flushed.kept == 0 || flushed.delivered + flushed.refused == 0 {
            return Ok(total);
        }
    }
}

/// What became of the reports; nothing if there were none, so that cron sends no mail.
fn sentence(flushed: &SpoolFlushed) -> String {
    let parts = [
        (flushed.delivered, "delivered"),
        (flushed.refused, "refused, because what is stored contradicts them"),
        (flushed.kept, "kept, because the server does not respond or does not allow it"),
        (flushed.other, "kept for other servers"),
        (flushed.expired, "removed, because they were older than seven days"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    if parts.is_empty() { String::new() } else { format!("reports: {}\n", parts.join("; ")) }
}
