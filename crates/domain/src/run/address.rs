//! The addresses of a run: its key, its key below other runs, or its id alone.

use crate::{
    id::{RunId, RunKey},
    run::entity::Run,
};

/// The key of a run, and the runs before it in a URL such as `/runs/{id}/process/runs/{id}`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunAddress {
    /// The addressed run.
    pub key: RunKey,
    /// The runs before it in the URL. Each must exist.
    pub via: Via,
}

/// The runs before the addressed one in a URL, in the order of the URL. All are runs of the same flow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Via([Option<RunId>; Self::MAX]);

impl Via {
    /// The maximum number of runs.
    pub const MAX: usize = 8;
    /// No run.
    pub const NONE: Self = Self([None; Self::MAX]);

    /// `None` if there are more than [`MAX`](Self::MAX) runs.
    ///
    /// ```
    /// use flowruns_domain::run::Via;
    ///
    /// assert_eq!(Via::new([]), Some(Via::default()));
    /// ```
    pub fn new(runs: impl IntoIterator<Item = RunId>) -> Option<Self> {
        let mut via = Self::default();
        for (index, run) in runs.into_iter().enumerate() {
            *via.0.get_mut(index)? = Some(run);
        }
        Some(via)
    }

    /// All but this run.
    pub(crate) fn without(self, run: RunId) -> Self {
        Self(self.0.map(|via| via.filter(|via| *via != run)))
    }

    /// The runs in the order of the URL.
    pub(crate) fn runs(self) -> impl Iterator<Item = RunId> {
        self.0.into_iter().flatten()
    }
}

/// The result of a search for a run id in all flows of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub enum RunById {
    /// Exactly one run has the id.
    One(Run),
    /// Runs of several flows have the id: their keys, sorted by flow id, at most [`RunById::MAX_KEYS`].
    Several(Vec<RunKey>),
}

impl RunById {
    /// The maximum number of keys in [`RunById::Several`].
    pub const MAX_KEYS: u16 = 100;
}
