//! The kinds of load.

use clap::ValueEnum;

use super::dataset::Dataset;

/// The number of runs in progress of which [`Kind::InProgress`] chooses.
const IN_PROGRESS: u64 = 5_000;

/// What the clients do repeatedly.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// PATCH of any run. The benchmark of throughput fills the cache of the service before it measures, the others do not.
    Patch,
    /// PATCH of any run; the service has just been started.
    Cold,
    /// PATCH of one of the newest 5,000 runs.
    InProgress,
    /// PATCH of one run.
    Hot,
    /// POST of a run.
    Post,
    /// GET of any run.
    Get,
    /// GET of the newest 50 runs of any flow.
    List,
}

/// Who carries out a kind of load.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Load {
    /// Clients of the service.
    Service(Kind),
    /// pgbench, which sends the statement of the same work to PostgreSQL.
    Pgbench(Kind),
}

impl Kind {
    /// The name in a table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Patch => "PATCH, all runs",
            Self::Cold => "PATCH, all runs, after a start",
            Self::InProgress => "PATCH, 5,000 runs",
            Self::Hot => "PATCH, one run",
            Self::Post => "POST",
            Self::Get => "GET",
            Self::List => "newest 50",
        }
    }

    /// The action in the history of what is acknowledged; reads leave none.
    pub(crate) const fn action(self) -> Option<&'static str> {
        match self {
            Self::Patch | Self::Cold | Self::InProgress | Self::Hot => Some("updated"),
            Self::Post => Some("created"),
            Self::Get | Self::List => None,
        }
    }

    /// Whether the benchmark of throughput fills the cache of the service before it measures the kind.
    pub(crate) const fn is_warm(self) -> bool {
        matches!(self, Self::Patch | Self::InProgress)
    }

    /// The runs of which the kind chooses.
    pub(crate) fn dataset(self, dataset: Dataset) -> Dataset {
        match self {
            Self::InProgress => Dataset { in_use: dataset.in_use.min(IN_PROGRESS), ..dataset },
            _ => dataset,
        }
    }

    /// The same work of pgbench, which has no cache.
    pub(crate) const fn baseline(self) -> Load {
        match self {
            Self::Cold => Load::Pgbench(Self::Patch),
            kind => Load::Pgbench(kind),
        }
    }
}

impl Load {
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Service(kind) | Self::Pgbench(kind) => kind,
        }
    }

    /// The name in a table.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Service(kind) => kind.title().to_owned(),
            Self::Pgbench(kind) => format!("pgbench: {}", kind.title()),
        }
    }
}
