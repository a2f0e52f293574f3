//! Shows the progress of a download: a bar on a terminal, otherwise lines in the log.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

const WIDTH: u64 = 30;
/// The log has a line for each quarter of the download, in percent.
const QUARTER: u64 = 25;
const MEGABYTE: f64 = 1e6;

/// The progress that was shown last.
pub(super) struct Progress {
    is_terminal: bool,
    percent: u64,
}

impl Progress {
    pub(super) fn start() -> Self {
        tracing::info!(
            "PostgreSQL is not installed; downloading it with the package manager, without changing the system"
        );
        Self { is_terminal: io::stderr().is_terminal(), percent: 0 }
    }

    /// Begins a step of unknown duration.
    pub(super) fn step(&mut self, what: &str) {
        self.percent = 0;
        if self.is_terminal {
            show(what);
        } else {
            tracing::info!("fetching PostgreSQL: {what}");
        }
    }

    pub(super) fn downloaded(&mut self, bytes: u64, total: u64) {
        let percent = bytes.min(total) * 100 / total.max(1);
        if self.is_terminal {
            show(&bar(percent, total));
        } else if percent / QUARTER > self.percent / QUARTER {
            tracing::info!("fetching PostgreSQL: {}", amount(percent, total));
        }
        self.percent = percent;
    }

    pub(super) fn done(&self, tree: &Path) {
        self.clear();
        tracing::info!(folder = %tree.display(), "PostgreSQL was fetched");
    }

    fn clear(&self) {
        if self.is_terminal {
            show("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Replaces the current line. Errors are ignored: a closed terminal must not stop the download.
fn show(text: &str) {
    let mut terminal = io::stderr().lock();
    let _shown = write!(terminal, "\r\x1b[K{text}").and_then(|()| terminal.flush());
}

fn bar(percent: u64, total: u64) -> String {
    let done = (percent * WIDTH / 100) as usize;
    let remaining = WIDTH as usize - done;
    let (done, remaining) = ("#".repeat(done), ".".repeat(remaining));
    format!("downloading PostgreSQL [{done}{remaining}] {}", amount(percent, total))
}

fn amount(percent: u64, total: u64) -> String {
    format!("{percent} % of {:.1} MB", total as f64 / MEGABYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_a_fixed_width() {
        for (percent, filled) in [(0, 0), (50, 15), (99, 29), (100, 30)] {
            let bar = bar(percent, 21_500_000);
            let shown = "#".repeat(filled) + &".".repeat(30 - filled);
            let expected = format!("[{shown}] {percent} % of 21.5 MB");
            assert!(bar.ends_with(&expected), "{bar}");
        }
    }
}
