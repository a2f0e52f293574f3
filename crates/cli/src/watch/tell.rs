//! What a watch prints: a line for each change, and a sentence at the end.

use flowruns_client::{JsonObject, RunRecord, Status};

use crate::{
    exit::Failure,
    leaves::{self, leaves},
    print::{Colour, Format, Terminal, clean, json, write},
    time,
};

/// The maximum number of members in a line, and of code points in a value.
const MAX_MEMBERS: usize = 12;
const MAX_CHARS: usize = 60;

/// Tells the changes of a run.
pub(super) struct Teller {
    format: Format,
    is_quiet: bool,
    terminal: Terminal,
    statistics: JsonObject,
}

impl Teller {
    pub(super) fn new(format: Format, is_quiet: bool) -> Self {
        let terminal = Terminal::of_stdout();
        Self { format, is_quiet, terminal, statistics: JsonObject::default() }
    }

    /// A line with the status and the statistics that changed.
    pub(super) fn change(&mut self, run: &RunRecord) -> Result<(), Failure> {
        if self.is_quiet {
            return Ok(());
        }
        let line = match self.format {
            Format::Json => return Ok(()),
            Format::Ndjson => json::line(&json::run(run)),
            Format::People => self.line(run),
        };
        self.statistics = run.statistics.clone();
        write(&line)
    }

    fn line(&self, run: &RunRecord) -> String {
        let status = self.terminal.paint(run.status.as_str(), Colour::of_status(&run.status));
        let mut line = format!("{} UTC  {status}", time::shown(time::now()));
        let (old, new) = (leaves(&self.statistics), leaves(&run.statistics));
        let changed: Vec<_> =
            new.into_iter().filter(|(path, value)| old.get(path) != Some(value)).collect();
        for (path, value) in changed.iter().take(MAX_MEMBERS) {
            let value: String = json::shown(value).chars().take(MAX_CHARS).collect();
            line.push_str(&format!("  {}={}", clean(&leaves::shown(path)), clean(&value)));
        }
        if changed.len() > MAX_MEMBERS {
            line.push_str(&format!("  and {} more", changed.len() - MAX_MEMBERS));
        }
        line + "\n"
    }

    /// The end: one sentence, or the whole run as JSON.
    pub(super) fn end(&self, run: &RunRecord) -> Result<(), Failure> {
        match self.format {
            _ if self.is_quiet => Ok(()),
            Format::Ndjson => Ok(()),
            Format::Json => write(&json::pretty(&json::run(run))),
            Format::People => write(&sentence(run)),
        }
    }
}

fn sentence(run: &RunRecord) -> String {
    let what = match &run.status {
        Status::Completed => "has completed",
        Status::CompletedWithWarnings => "has completed with warnings",
        Status::CompletedWithErrors => "has completed with errors",
        Status::Failed => "has failed",
        other => &format!("has ended as {other}"),
    };
    let length = time::duration(time::run_length(run.start, run.end));
    let error = run.blocking_error.as_ref();
    let text = |name| error.and_then(|error| error.get(name)).map(json::shown);
    let error: Vec<_> = [text("code"), text("message")].into_iter().flatten().collect();
    let error = match error.is_empty() {
        true => ".".to_owned(),
        false => format!(": {}", error.join(": ")),
    };
    let sentence = format!("The run \"{}\" {what} after {length}{error}", run.display_name);
    clean(&sentence).into_owned() + "\n"
}
