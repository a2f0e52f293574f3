//! The results of writes.

use crate::{
    rejection::Rejection,
    run::{entity::Run, event::RunEvent},
};

/// The result of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Updated<T> {
    /// The change is committed and flushed to disk.
    Changed(T),
    /// Nothing changes, so nothing was written.
    Unchanged(T),
    /// Rejected, so nothing was written.
    Rejected(Rejection),
}

/// The result of the creation of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// The run is committed and flushed to disk.
    New(Run),
    /// A run with this id exists, with the first entry of its history unless retention has removed it.
    Exists(Run, Option<RunEvent>),
    /// A run with this id was deleted. Its id is not used again.
    Deleted,
    /// The flow does not exist.
    FlowNotFound,
}

/// The result of the deletion of a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum FlowDeleted {
    /// The flow is deleted.
    Deleted,
    /// The flow has runs, so it was not deleted.
    HasRuns,
    /// Rejected, so nothing was deleted.
    Rejected(Rejection),
}
