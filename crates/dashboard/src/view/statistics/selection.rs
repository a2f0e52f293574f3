//! Which members of statistics are shown when there are many, and which are named first.

use std::collections::HashSet;

use super::{Change, Comparison, MAX_ROWS, MemberRow};

/// The most members whose last values are drawn.
const MAX_SPARKS: usize = 40;

/// Removes rows beyond the maximum: first those that neither differ nor are unusual, from the end.
pub(super) fn keep_most_important(rows: &mut Vec<MemberRow>) {
    if rows.len() <= MAX_ROWS {
        return;
    }
    let importance = |row: &MemberRow| match (row.is_unusual(), row.change.is_difference()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|index| rows.get(*index).map(importance));
    let kept: HashSet<usize> = order.into_iter().take(MAX_ROWS).collect();
    let mut index = 0;
    rows.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
}

/// Keeps the last values of unusual members, and of others up to a number.
pub(super) fn keep_sparks(rows: &mut [MemberRow]) {
    let mut left = MAX_SPARKS;
    for is_unusual in [true, false] {
        for row in
            rows.iter_mut().filter(|row| row.is_unusual() == is_unusual && !row.series.is_empty())
        {
            match left {
                0 => row.series.clear(),
                _ => left -= 1,
            }
        }
    }
}

impl Comparison {
    /// The rows that tell most about what is different, the most unusual first.
    pub(crate) fn highlights(&self, most: usize) -> Vec<&MemberRow> {
        /// Smaller changes of numbers are noise.
        const LEAST_PERCENT: f64 = 5.0;
        let weight = |row: &MemberRow| match row.change {
            Change::Number { percent, .. } => {
                let percent = percent.unwrap_or(100.0).abs();
                (percent >= LEAST_PERCENT || row.is_unusual()).then_some(percent.min(1000.0))
            }
            Change::Differs | Change::Added | Change::Missing => Some(1.0),
            Change::NotCompared | Change::Same => None,
        };
        let mut rows: Vec<(bool, f64, &MemberRow)> = self
            .rows
            .iter()
            .filter_map(|row| Some((row.is_unusual(), weight(row)?, row)))
            .collect();
        rows.sort_by(|one, other| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)));
        rows.into_iter().take(most).map(|(_, _, row)| row).collect()
    }
}
