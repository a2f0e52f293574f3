//! The kinds of load.

use clap::ValueEnum;

/// What the clients do repeatedly.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// pgbench: the work of a report in one statement, for any run.
    Pgbench,
    /// PATCH of any run.
    Patch,
    /// pgbench, always for one run.
    PgbenchHot,
    /// PATCH of one run.
    Hot,
    /// POST of a run.
    Post,
    /// GET of any run.
    Get,
    /// GET of the newest 50 runs of any flow.
    List,
}

impl Kind {
    /// The name in a table.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Pgbench => "pgbench, many runs",
            Self::Patch => "PATCH, many runs",
            Self::PgbenchHot => "pgbench, one run",
            Self::Hot => "PATCH, one run",
            Self::Post => "POST",
            Self::Get => "GET",
            Self::List => "newest 50",
        }
    }

    /// The action in the history of what is acknowledged; reads leave none.
    pub(crate) const fn action(self) -> Option<&'static str> {
        match self {
            Self::Pgbench | Self::PgbenchHot | Self::Patch | Self::Hot => Some("updated"),
            Self::Post => Some("created"),
            Self::Get | Self::List => None,
        }
    }
}
