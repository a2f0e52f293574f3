//! Shows how far the fetch is: a bar on a terminal, lines in the log elsewhere.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
};

const WIDTH: u64 = 30;
/// In the log the download is told of in quarters.
const QUARTER: u64 = 25;
const MEGABYTE: f64 = 1e6;

/// What was shown last.
pub(super) struct Progress {
    is_terminal: bool,
    percent: u64,
}

impl Progress {
    pub(super) fn start() -> Self {
        tracing::info!(
            "PostgreSQL is not installed; it is fetched through the package manager, outside the system"
        );
        Self {
            is_terminal: io::stderr().is_terminal(),
            percent: 0,
        }
    }

    /// The next step of which nobody knows how long it takes.
    pub(super) fn step(&mut self, what: &str) {
        self.percent = 0;
        if self.is_terminal {
            draw(what);
        } else {
            tracing::info!("fetching PostgreSQL: {what}");
        }
    }

    pub(super) fn downloaded(&mut self, bytes: u64, total: u64) {
        let percent = bytes.min(total) * 100 / total.max(1);
        if self.is_terminal {
            draw(&bar(percent, total));
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
            draw("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// In the place of what was drawn before. A terminal that is gone is no reason to stop.
fn draw(text: &str) {
    let mut terminal = io::stderr().lock();
    let _drawn = write!(terminal, "\r\x1b[K{text}").and_then(|()| terminal.flush());
}

fn bar(percent: u64, total: u64) -> String {
    let done = (percent * WIDTH / 100) as usize;
    let open = WIDTH as usize - done;
    let (done, open) = ("#".repeat(done), ".".repeat(open));
    format!(
        "downloading PostgreSQL [{done}{open}] {}",
        amount(percent, total)
    )
}

fn amount(percent: u64, total: u64) -> String {
    format!("{percent} % of {:.1} MB", total as f64 / MEGABYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_width_whatever_is_done() {
        for (percent, filled) in [(0, 0), (50, 15), (99, 29), (100, 30)] {
            let bar = bar(percent, 21_500_000);
            let drawn = "#".repeat(filled) + &".".repeat(30 - filled);
            let expected = format!("[{drawn}] {percent} % of 21.5 MB");
            assert!(bar.ends_with(&expected), "{bar}");
        }
    }
}
