//! Why the server closes a connection.

const CLOSED: &str = "flowruns_connections_closed_total";

/// Connections that end by themselves, or after the idle timeout, have no reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CloseReason {
    /// The connection limit was reached, and this connection had made no progress for longest.
    Evicted,
    /// All connections held more memory than their budget, and this one most.
    TooManyBytes,
    /// The client sent nothing, or its TLS handshake took too long.
    Silent,
    /// The head of a request took too long.
    SlowHead,
    /// The client read its responses more slowly than the minimum rate, or not at all.
    SlowRead,
    /// The connection did not end in time after a graceful shutdown began.
    SlowEnd,
}

impl CloseReason {
    pub(crate) const ALL: [Self; 6] = [
        Self::Evicted,
        Self::TooManyBytes,
        Self::Silent,
        Self::SlowHead,
        Self::SlowRead,
        Self::SlowEnd,
    ];

    /// The label of the metric.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::TooManyBytes => "tooManyBytes",
            Self::Silent => "silent",
            Self::SlowHead => "slowHead",
            Self::SlowRead => "slowRead",
            Self::SlowEnd => "slowEnd",
        }
    }

    pub(crate) fn count(self) {
        metrics::counter!(CLOSED, "reason" => self.label()).increment(1);
    }
}

/// Registers every reason with 0, so that the first connection of a kind shows as an increase.
pub(crate) fn describe() {
    metrics::describe_counter!(
        CLOSED,
        "Connections that the server closed for what their clients did."
    );
    for reason in CloseReason::ALL {
        metrics::counter!(CLOSED, "reason" => reason.label()).increment(0);
    }
}
