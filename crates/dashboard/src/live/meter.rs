//! The metrics of live pages.

use metrics::{Counter, Gauge};

const STREAMS: &str = "flowruns_dashboard_streams";
const WATCHES: &str = "flowruns_dashboard_watches";
const REFUSED: &str = "flowruns_dashboard_streams_refused_total";
const TICKS: &str = "flowruns_dashboard_ticks_total";
const FRAGMENTS: &str = "flowruns_dashboard_fragments_sent_total";
const BYTES: &str = "flowruns_dashboard_stream_bytes_total";

/// How a tick of a watch ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TickOutcome {
    /// Some part of the page is new.
    Changed,
    /// The page is as before.
    Unchanged,
    /// Admission refused it.
    Refused,
    /// The store failed, or the tick took too long.
    Failed,
    /// The page does not exist any more.
    Gone,
}

/// Why a stream was not opened, or had to end for a newer one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StreamRefused {
    /// The server has as many streams as it may have.
    Server,
    /// The session had as many streams as it may have, and its oldest one ended; or it also had as many that must end and whose
    /// clients do not read.
    Session,
}

impl TickOutcome {
    const ALL: [Self; 5] =
        [Self::Changed, Self::Unchanged, Self::Refused, Self::Failed, Self::Gone];

    const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Gone => "gone",
        }
    }
}

impl StreamRefused {
    const ALL: [Self; 2] = [Self::Server, Self::Session];

    const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Session => "session",
        }
    }
}

/// The handles of the metrics.
pub(super) struct LiveMeter {
    pub(super) streams: Gauge,
    pub(super) watches: Gauge,
    pub(super) fragments: Counter,
    pub(super) bytes: Counter,
    refused: [Counter; StreamRefused::ALL.len()],
    ticks: [Counter; TickOutcome::ALL.len()],
}

impl LiveMeter {
    /// Handles of the recorder that is installed now.
    pub(super) fn new() -> Self {
        describe();
        let refused = |reason: StreamRefused| metrics::counter!(REFUSED, "reason" => reason.name());
        let tick = |outcome: TickOutcome| metrics::counter!(TICKS, "outcome" => outcome.name());
        let meter = Self {
            streams: metrics::gauge!(STREAMS),
            watches: metrics::gauge!(WATCHES),
            fragments: metrics::counter!(FRAGMENTS),
            bytes: metrics::counter!(BYTES),
            refused: StreamRefused::ALL.map(refused),
            ticks: TickOutcome::ALL.map(tick),
        };
        meter.streams.set(0);
        meter.watches.set(0);
        meter
    }

    pub(super) fn count_refused(&self, reason: StreamRefused) {
        self.refused[reason as usize].increment(1);
    }

    pub(super) fn count_tick(&self, outcome: TickOutcome) {
        self.ticks[outcome as usize].increment(1);
    }
}

fn describe() {
    metrics::describe_gauge!(STREAMS, "Open streams of live pages.");
    metrics::describe_gauge!(
        WATCHES,
        "Distinct pages that are rendered again and again for open streams."
    );
    metrics::describe_counter!(
        REFUSED,
        "Streams that were not opened, or ended for a newer one, by the limit."
    );
    metrics::describe_counter!(TICKS, "Renderings of watched pages, by the outcome.");
    metrics::describe_counter!(FRAGMENTS, "Fragments of pages that were sent to streams.");
    metrics::describe_counter!(BYTES, metrics::Unit::Bytes, "Bytes that were sent to streams.");
}
