//! The numbers that a flow reports, and whether one differs from the others.

/// The least number of values that make a habit.
pub const LEAST_NUMBERS: usize = 10;

/// Makes the median absolute deviation comparable with the standard deviation of a normal distribution.
const NORMAL: f64 = 1.48;
/// A value this many deviations from the median is unusual.
const DEVIATIONS: f64 = 3.0;
/// A value that differs by less than this part of the median is not unusual.
const LEAST_PART: f64 = 0.05;

/// The usual value of a member of statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsualNumber {
    /// The median.
    pub median: f64,
    /// The median absolute deviation from the median.
    pub deviation: f64,
}

/// The usual value, by the values of other runs. `None` with fewer than [`LEAST_NUMBERS`] finite values.
pub fn usual_number(values: &[f64]) -> Option<UsualNumber> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.len() < LEAST_NUMBERS {
        return None;
    }
    let deviations = |median: f64| finite.iter().map(|value| (value - median).abs()).collect();
    let median = median_of(finite.clone());
    Some(UsualNumber { median, deviation: median_of(deviations(median)) })
}

impl UsualNumber {
    /// Whether a value differs from the median by more than 3 × 1.48 × the median absolute deviation, and by more than 5 % of the
    /// median. Only for runs that have ended: a run in progress has counted only a part.
    pub fn is_unusual(self, value: f64) -> bool {
        let difference = (value - self.median).abs();
        let is_rare = difference > DEVIATIONS * NORMAL * self.deviation;
        is_rare && difference > LEAST_PART * self.median.abs()
    }
}

/// The middle one, or the mean of the two in the middle, of at least one value.
fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        // The sum of two doubles may exceed their range.
        0 => values[middle - 1] / 2.0 + values[middle] / 2.0,
        _ => values[middle],
    }
}
