//! Why the server closes a connection.

const CLOSED: &str = "flowruns_connections_closed_total";

/// Connections that end by themselves, or that were idle for too long, are not among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    /// There were as many connections as there may be, and this one had made no progress for longest.
    Evicted,
    /// All connections held too many bytes, and this one most of them.
    TooManyBytes,
    /// It sent nothing, or its TLS handshake took too long.
    Silent,
    /// The head of a request took too long.
    SlowHead,
    /// The client read its responses more slowly than it must.
    SlowRead,
    /// The connection did not end in time after it was told to.
    SlowEnd,
}

impl Reason {
    pub(super) const ALL: [Self; 6] = [
        Self::Evicted,
        Self::TooManyBytes,
        Self::Silent,
        Self::SlowHead,
        Self::SlowRead,
        Self::SlowEnd,
    ];

    /// The label of the metric.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::TooManyBytes => "tooManyBytes",
            Self::Silent => "silent",
            Self::SlowHead => "slowHead",
            Self::SlowRead => "slowRead",
            Self::SlowEnd => "slowEnd",
        }
    }

    pub(super) fn count(self) {
        metrics::counter!(CLOSED, "reason" => self.label()).increment(1);
    }
}

/// Every reason is in the metrics from the start, so that the first connection of its kind is a rise.
pub(super) fn describe() {
    metrics::describe_counter!(
        CLOSED,
        "Connections that the server closed for what their clients did."
    );
    for reason in Reason::ALL {
        metrics::counter!(CLOSED, "reason" => reason.label()).increment(0);
    }
}
