//! Watches a command until it has ended: passes signals on, keeps its time limit, and reads the statistics that it writes.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    child::Running,
    event::Event,
    inbox::Message,
    outcome::{End, Finished},
    reporter::{Delivery, Reporter},
    signals::Received,
    statistics_file::StatisticsFile,
    streams::hand_over,
};

/// How often the file of statistics is looked at, and how often it is reported at most.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);
const STATISTICS_REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// A second SIGTERM within this time counts as the first: timeout(1) sends one to the process and one to its group.
const SECOND_TERM_AFTER: Duration = Duration::from_millis(500);
/// How long the report waits for output that cannot be written, because nobody reads it at the moment.
const OUTPUT_TIME: Duration = Duration::from_secs(5);

/// The time limit of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    pub(super) timeout: Option<Duration>,
    pub(super) kill_after: Duration,
}

/// Handles the events of a command that runs and is reported.
#[derive(Debug)]
pub(super) struct Supervisor {
    events: Receiver<Event>,
    /// The copies of the output that have not ended.
    copies: usize,
    /// Why output is lost.
    output_error: Option<io::Error>,
    delivery: Option<Delivery>,
    first_term: Option<Instant>,
    /// The signal that asked `exec` to end while no command ran.
    end_signal: Option<Signal>,
}

impl Supervisor {
    pub(super) const fn new(events: Receiver<Event>) -> Self {
        Self {
            events,
            copies: 0,
            output_error: None,
            delivery: None,
            first_term: None,
            end_signal: None,
        }
    }

    /// Waits until the run is stored, before the command starts.
    pub(super) fn wait_for_creation(&mut self) -> Result<(), String> {
        loop {
            match self.events.recv() {
                Ok(Event::Created) => return Ok(()),
                Ok(Event::Reported(Delivery::Lost(error) | Delivery::Spooled(error))) => {
                    return Err(error);
                }
                Ok(event) => self.note(event),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// The signal that asked `exec` to end before it started the command.
    pub(super) fn early_signal(&self) -> Option<i32> {
        self.end_signal.map(Signal::as_raw)
    }

    pub(super) const fn expect_copies(&mut self, copies: usize) {
        self.copies = copies;
    }

    /// Waits until the command has ended.
    pub(super) fn run(
        &mut self,
        running: Running,
        limit: TimeLimit,
        statistics: Option<&mut StatisticsFile>,
        reporter: &Reporter,
    ) -> Finished {
        let mut file =
            statistics.map(|file| WatchedFile { file, looked: running.started, reported: None });
        let mut timer = Timer::new(running.started, limit);
        let ended = loop {
            let file_at = file.as_ref().map(|file| file.looked + STATISTICS_INTERVAL);
            let event = match timer.next().into_iter().chain(file_at).min() {
                Some(at) => self.events.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Ended(at)) => break at,
                Ok(Event::Signal(received)) => self.forward(&running, received),
                Ok(event) => self.note(event),
                Err(_timeout) => {}
            }
            timer.pass(&running);
            if let Some(file) = &mut file {
                file.look(reporter);
            }
        };
        let duration = ended.saturating_duration_since(running.started);
        let end = match running.reap() {
            Ok((status, usage)) => End::Ended(status, usage),
            Err(error) => End::Unknown(error),
        };
        Finished { end, ended, duration, timeout: timer.ended_it(), output_error: None }
    }

    /// A second SIGTERM ends the command for certain.
    fn forward(&mut self, running: &Running, received: Received) {
        if received.signal == Signal::TERM {
            let first = *self.first_term.get_or_insert(received.at);
            if received.at.saturating_duration_since(first) >= SECOND_TERM_AFTER {
                return running.signal(Signal::KILL);
            }
        }
        running.forward(received);
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Copied(copied) => {
                self.copies = self.copies.saturating_sub(1);
                self.output_error = self.output_error.take().or(hand_over(copied).err());
            }
            Event::Reported(delivery) => self.delivery = Some(delivery),
            Event::Signal(received) => {
                let asks_to_end = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
                if asks_to_end.contains(&received.signal) {
                    self.end_signal = Some(received.signal);
                }
            }
            Event::Ended(_) | Event::Created => {}
        }
    }

    const fn is_hurried(&self) -> bool {
        self.end_signal.is_some()
    }

    /// Waits until what the command wrote has been passed on, but not for long: the report must not wait for a slow reader. Returns
    /// whether all of it has.
    pub(super) fn wait_for_output(&mut self) -> bool {
        let until = Instant::now() + OUTPUT_TIME;
        while self.copies > 0 && !self.is_hurried() {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) => self.note(event),
                Err(_late) => return false,
            }
        }
        self.copies == 0
    }

    /// Waits for the report, and then for the output that is left. A signal that ends programs shortens both.
    pub(super) fn wait_for_report(&mut self, reporter: &Reporter) -> Delivery {
        let mut is_told = false;
        loop {
            if self.is_hurried() && !is_told {
                is_told = true;
                reporter.tell(Message::Hurry);
            }
            let is_done = self.copies == 0 || self.is_hurried();
            match self.delivery.take() {
                Some(delivery) if is_done => return delivery,
                delivery => self.delivery = delivery,
            }
            match self.events.recv() {
                Ok(event) => self.note(event),
                Err(error) => return Delivery::Lost(error.to_string()),
            }
        }
    }

    /// Why the output of the command was cut off, unless its reader has gone.
    pub(super) fn output_error(&self) -> Option<String> {
        self.output_error.as_ref().map(io::Error::to_string)
    }
}

/// The time limit at work.
#[derive(Debug)]
struct Timer {
    limit: TimeLimit,
    term_at: Option<Instant>,
    kill_at: Option<Instant>,
    has_passed: bool,
}

impl Timer {
    fn new(started: Instant, limit: TimeLimit) -> Self {
        let term_at = limit.timeout.and_then(|timeout| started.checked_add(timeout));
        Self { limit, term_at, kill_at: None, has_passed: false }
    }

    /// When the next signal is due.
    fn next(&self) -> Option<Instant> {
        self.term_at.or(self.kill_at)
    }

    /// Sends the signal that is due.
    fn pass(&mut self, running: &Running) {
        let now = Instant::now();
        if self.term_at.is_some_and(|at| at <= now) {
            self.term_at = None;
            self.has_passed = true;
            self.kill_at = now.checked_add(self.limit.kill_after);
            running.signal(Signal::TERM);
            // A process that is stopped does not see SIGTERM before it continues.
            running.signal(Signal::CONT);
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            running.signal(Signal::KILL);
        }
    }

    /// The limit, if it has passed.
    const fn ended_it(&self) -> Option<Duration> {
        if self.has_passed { self.limit.timeout } else { None }
    }
}

/// The file of statistics while the command runs.
#[derive(Debug)]
struct WatchedFile<'a> {
    file: &'a mut StatisticsFile,
    looked: Instant,
    reported: Option<Instant>,
}

impl WatchedFile<'_> {
    fn look(&mut self, reporter: &Reporter) {
        let now = Instant::now();
        if now < self.looked + STATISTICS_INTERVAL {
            return;
        }
        self.looked = now;
        if self.reported.is_some_and(|reported| now < reported + STATISTICS_REPORT_INTERVAL) {
            return;
        }
        // A file that cannot be read may be in the middle of being written.
        if let Ok(Some(statistics)) = self.file.changed() {
            self.reported = Some(now);
            reporter.tell(Message::Statistics(statistics));
        }
    }
}
