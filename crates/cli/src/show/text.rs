//! A run for people.

use flowruns_client::{HistoryEntry, JsonObject, JsonValue};

use super::Shown;
use crate::{
    leaves::{self, beside, leaves},
    print::{Cell, Colour, Terminal, clean, json, table},
    time,
};

/// A longer value is cut, in code points; `--json` has the whole.
const MAX_CHARS: usize = 200;
/// In place of a value that is not there.
const NONE: &str = "–";

impl Shown {
    pub(super) fn text(&self, terminal: Terminal) -> String {
        let mut text = self.facts(terminal);
        if let Some(error) = &self.run.blocking_error {
            text.push_str(&heading("error", terminal));
            text.push_str(&error_lines(error));
        }
        text.push_str(&self.statistics(terminal));
        if let Some(history) = &self.history {
            text.push_str(&heading("history", terminal));
            history.iter().for_each(|entry| text.push_str(&history_lines(entry, terminal)));
        }
        text
    }

    fn facts(&self, terminal: Terminal) -> String {
        let run = &self.run;
        let length = time::duration(time::run_length(run.start, run.end));
        let ended = match run.end {
            Some(end) => format!("{} UTC, after {length}", time::shown(end)),
            None => format!("{NONE} (running for {length})"),
        };
        let status = terminal.paint(run.status.as_str(), Colour::of_status(&run.status));
        let facts = [
            ("run", clean(&run.display_name).into_owned()),
            ("status", status.into_owned()),
            ("flow", clean(&self.flow_name).into_owned()),
            ("started", format!("{} UTC", time::shown(run.start))),
            ("ended", ended),
            ("id", json::address(run.address)),
            ("page", self.page.clone()),
        ];
        let line = |(name, value): (&str, String)| {
            format!("{} {value}\n", terminal.paint(&format!("{name:<8}"), Some(Colour::Dim)))
        };
        facts.into_iter().map(line).collect()
    }

    fn statistics(&self, terminal: Terminal) -> String {
        let own = leaves(&self.run.statistics);
        let Some(other) = &self.other else {
            let rows =
                own.iter().map(|(path, value)| row(path, [Some(*value)])).collect::<Vec<_>>();
            return section("statistics", &["MEMBER", "VALUE"], rows, terminal);
        };
        let others = leaves(&other.statistics);
        let pairs = beside(&own, &others).into_iter();
        let rows = pairs.filter(|(_, own, other)| !self.only_differences || own != other);
        let rows = rows.map(|(path, own, other)| {
            let mut cells = row(&path, [own, other]);
            let difference = if own == other { String::new() } else { difference(own, other) };
            cells.push(Cell::word(&difference));
            cells
        });
        let title = format!(
            "statistics, against {} ({}, started {} UTC)",
            json::address(other.address),
            other.status,
            time::shown(other.start)
        );
        section(&title, &["MEMBER", "RUN", "AGAINST", "DIFFERENCE"], rows.collect(), terminal)
    }
}

fn row<const N: usize>(path: &[&str], values: [Option<&JsonValue>; N]) -> Vec<Cell> {
    let cells = values.into_iter().map(|value| match value {
        Some(number @ JsonValue::Number(_)) => Cell::number(&json::shown(number)),
        Some(other) => Cell::text(&cut(&json::shown(other))),
        None => Cell::word(NONE),
    });
    std::iter::once(Cell::text(&leaves::shown(path))).chain(cells).collect()
}

/// By how much a number differs; for other values that they do.
fn difference(own: Option<&JsonValue>, other: Option<&JsonValue>) -> String {
    let number = |value: Option<&JsonValue>| match value {
        Some(JsonValue::Number(_)) => json::shown(value?).parse::<f64>().ok(),
        _ => None,
    };
    match (number(own), number(other)) {
        (Some(own), Some(other)) => {
            let percent = match other {
                0.0 => String::new(),
                other => format!(" ({:+.1} %)", (own - other) / other.abs() * 100.0),
            };
            format!("{:+}{percent}", own - other)
        }
        _ => "differs".to_owned(),
    }
}

fn section(title: &str, headings: &[&str], rows: Vec<Vec<Cell>>, terminal: Terminal) -> String {
    let lines = match rows.is_empty() {
        true => format!("{NONE}\n"),
        false => table(headings, rows, terminal),
    };
    let lines = lines.lines().map(|line| format!("  {line}\n"));
    heading(title, terminal) + &lines.collect::<String>()
}

fn heading(title: &str, terminal: Terminal) -> String {
    format!("\n{}\n", terminal.paint(title, Some(Colour::Dim)))
}

/// The members of an error. Texts of several lines, such as the end of an output, keep their lines.
fn error_lines(error: &JsonObject) -> String {
    let mut text = String::new();
    for (path, value) in leaves(error) {
        let value = json::shown(value);
        let name = clean(&leaves::shown(&path)).into_owned();
        match value.contains('\n') {
            true => {
                text.push_str(&format!("  {name}\n"));
                let lines = value.lines().map(|line| format!("    {}\n", clean(line)));
                text.extend(lines);
            }
            false => text.push_str(&format!("  {name}: {}\n", clean(&value))),
        }
    }
    text
}

fn history_lines(entry: &HistoryEntry, terminal: Terminal) -> String {
    let head = format!(
        "  {:>3}  {} UTC  {} by {}\n",
        entry.version,
        time::shown(entry.occurred),
        clean(&entry.action),
        clean(&entry.actor)
    );
    let changes = entry.changes.iter().map(|change| {
        let name = terminal.paint(&clean(&change.property), Some(Colour::Dim)).into_owned();
        format!(
            "       {name}: {} → {}\n",
            change_value(&change.before),
            change_value(&change.after)
        )
    });
    head + &changes.collect::<String>()
}

fn change_value(value: &JsonValue) -> String {
    match value {
        JsonValue::Null => NONE.to_owned(),
        value => clean(&cut(&json::shown(value))).into_owned(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
