//! How a URL names a run: by its key, through other runs, or by its id alone.

use crate::{
    id::{RunId, RunKey},
    run::Run,
};

/// Both URL forms of a run: its key, and for the alias the runs whose process the URL goes through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunAddress {
    /// The run that is addressed.
    pub key: RunKey,
    /// The runs before it in the URL; each must exist.
    pub via: Via,
}

/// The runs whose process a URL goes through, in the order of the URL. All of them are runs of one flow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Via([Option<RunId>; Self::MAX]);

impl Via {
    /// The largest number of runs.
    pub const MAX: usize = 8;
    /// No run.
    pub const NONE: Self = Self([None; Self::MAX]);

    /// The runs of a URL; `None` when they are more than [`MAX`](Self::MAX).
    ///
    /// ```
    /// use flowruns_domain::Via;
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

    /// The runs but for this one.
    pub(crate) fn without(self, run: RunId) -> Self {
        Self(self.0.map(|via| via.filter(|via| *via != run)))
    }

    /// The runs in the order of the URL.
    pub(crate) fn runs(self) -> impl Iterator<Item = RunId> {
        self.0.into_iter().flatten()
    }
}

/// The run that has an id, among all flows of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub enum RunById {
    /// The only run of that id.
    One(Run),
    /// Several flows have a run of that id: its keys, by flow id, at most [`RunById::MAX_KEYS`].
    Several(Vec<RunKey>),
}

impl RunById {
    /// The largest number of keys in [`RunById::Several`].
    pub const MAX_KEYS: u16 = 100;
}
