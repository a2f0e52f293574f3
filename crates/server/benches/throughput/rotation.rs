//! The loads of a rotation.

use crate::support::kind::{Kind, Load};

/// In the order of a rotation.
const ALL: [Kind; 7] =
    [Kind::Patch, Kind::Cold, Kind::InProgress, Kind::Hot, Kind::Post, Kind::Get, Kind::List];

/// The selected kinds; all of them without a selection.
pub(crate) fn kinds(only: &[Kind]) -> Vec<Kind> {
    ALL.into_iter().filter(|kind| only.is_empty() || only.contains(kind)).collect()
}

/// Each kind after the same work of pgbench, which is measured once where several kinds are compared with it.
pub(crate) fn loads(kinds: &[Kind]) -> Vec<Load> {
    let mut loads = Vec::new();
    for &kind in kinds {
        if !loads.contains(&kind.baseline()) {
            loads.push(kind.baseline());
        }
        loads.push(Load::Service(kind));
    }
    loads
}
