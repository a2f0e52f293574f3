//! The loads of a rotation, and what each is compared with.

use crate::support::kind::Kind;

/// In the order of a rotation.
const ALL: [Kind; 7] =
    [Kind::Pgbench, Kind::Patch, Kind::PgbenchHot, Kind::Hot, Kind::Post, Kind::Get, Kind::List];

/// The selected loads and those that they are compared with; all loads without a selection.
pub(crate) fn kinds(only: &[Kind]) -> Vec<Kind> {
    let is_wanted = |kind: &Kind| {
        only.is_empty() || only.contains(kind) || only.iter().any(|&only| baseline(only) == *kind)
    };
    ALL.into_iter().filter(is_wanted).collect()
}

/// What the rate of a load is compared with.
pub(crate) const fn baseline(kind: Kind) -> Kind {
    match kind {
        Kind::Hot | Kind::PgbenchHot => Kind::PgbenchHot,
        Kind::Pgbench | Kind::Patch | Kind::Post | Kind::Get | Kind::List => Kind::Pgbench,
    }
}
