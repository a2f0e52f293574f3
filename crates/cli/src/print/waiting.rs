//! A line about work that takes long, on a terminal alone.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::time;

/// Shorter work is not shown, and the line is drawn again after each such time.
const INTERVAL: Duration = Duration::from_secs(1);

/// Draws a line on standard error, with the time that has passed, until it is dropped. It draws nothing if that is no terminal.
pub(crate) struct Waiting {
    counted: Arc<AtomicU64>,
    drawer: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Waiting {
    /// `text` says what is waited for. It has no characters of other people.
    pub(crate) fn new(text: &'static str) -> Self {
        let counted = Arc::new(AtomicU64::new(0));
        if !io::stderr().is_terminal() {
            return Self { counted, drawer: None };
        }
        let (stop, stopped) = channel();
        let count = Arc::clone(&counted);
        let draw = move || {
            let (start, mut is_drawn) = (Instant::now(), false);
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let rows = match count.load(Ordering::Relaxed) {
                    0 => String::new(),
                    rows => format!(" {rows}"),
                };
                draw(&format!("{text}{rows} ({})", time::duration(start.elapsed())));
                is_drawn = true;
            }
            if is_drawn {
                draw("");
            }
        };
        Self { counted, drawer: Some((stop, thread::spawn(draw))) }
    }

    /// Counts one row.
    pub(crate) fn count(&self) {
        self.counted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.drawer.take() {
            drop(stop);
            // A thread that panicked draws nothing.
            let _joined = thread.join();
        }
    }
}

/// Replaces the line.
fn draw(text: &str) {
    let mut stderr = io::stderr().lock();
    // A terminal that has gone shows nothing.
    let _drawn = write!(stderr, "\r{text}\u{1b}[K");
    let _flushed = stderr.flush();
}
