//! Scales of charts, and the quantiles that charts show.

/// The values between the bottom and the top of a chart, with lines at equal distances.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    bottom: f64,
    step: f64,
    steps: u16,
}

/// The steps that people know of durations, in seconds.
const DURATION_STEPS: [f64; 24] = [
    0.25,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    432_000.0,
    864_000.0,
    2_592_000.0,
];
/// The steps that people know of numbers, in each power of ten.
const NUMBER_STEPS: [f64; 5] = [1.0, 2.0, 2.5, 5.0, 10.0];

impl Scale {
    /// The scale from 0 to at least `most` seconds, in four steps.
    pub(crate) fn of_durations(most: f64) -> Self {
        let least_step = most / 4.0;
        let known = DURATION_STEPS.into_iter().find(|step| *step >= least_step);
        Self { bottom: 0.0, step: known.unwrap_or_else(|| number_step(least_step)), steps: 4 }
    }

    /// The scale that holds 0 and all of these numbers, in two steps or a few more.
    pub(crate) fn of_numbers(numbers: &[f64]) -> Self {
        /// Beyond it the products below would be infinite.
        const MOST: f64 = 1e300;
        let least = numbers.iter().copied().fold(0.0, f64::min).max(-MOST);
        let most = numbers.iter().copied().fold(0.0, f64::max).min(MOST);
        let half = most / 2.0 - least / 2.0;
        let step = if half > 0.0 { number_step(half) } else { 1.0 };
        let below = (least / step).floor();
        let above = (most / step).ceil();
        // Two steps hold the range; the bottom and the top are rounded outwards by less than one step each.
        let steps = (above - below).clamp(1.0, 4.0) as u16;
        Self { bottom: below * step, step, steps }
    }

    /// The greatest value.
    pub(crate) fn top(&self) -> f64 {
        self.bottom + self.step * f64::from(self.steps)
    }

    /// The values of the lines, the greatest first.
    pub(crate) fn lines(&self) -> Vec<f64> {
        (0..=self.steps).rev().map(|line| self.bottom + self.step * f64::from(line)).collect()
    }

    /// The distance of a value from the top of a chart of this height. Values beyond the scale are at its edge.
    pub(crate) fn y(&self, value: f64, height: f64) -> f64 {
        let range = self.step * f64::from(self.steps);
        let part = ((value - self.bottom) / range).clamp(0.0, 1.0);
        height - part * height
    }
}

/// The least known step that is not below this number.
fn number_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = NUMBER_STEPS.into_iter().map(|step| step * power).find(|step| *step >= least);
    // A range beyond the doubles has no greater step.
    step.filter(|step| step.is_finite() && *step > 0.0).unwrap_or(least)
}

/// The value below which this part of the sorted values lies, interpolated; `None` without values.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = part.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    let (one, other) = (*sorted.get(below)?, *sorted.get(above)?);
    Some(one + (other - one) * (position - position.floor()))
}

/// The finite values, sorted.
pub(crate) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// A coordinate with one decimal at most.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(integer) => integer.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_divided_at_steps_that_people_know() {
        for (most, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (3.0, 4.0),
            (50.0, 60.0),
            (2400.0, 2400.0),
            (2401.0, 3600.0),
            (30_000.0, 43_200.0),
        ] {
            assert_eq!(Scale::of_durations(most).top(), top, "{most}");
        }
        assert_eq!(Scale::of_durations(2400.0).lines(), [2400.0, 1800.0, 1200.0, 600.0, 0.0]);
    }

    #[test]
    fn a_scale_of_numbers_holds_zero_and_all_of_them() {
        assert_eq!(Scale::of_numbers(&[]).bottom, 0.0);
        assert_eq!(Scale::of_numbers(&[48_597.0]).lines(), [50_000.0, 25_000.0, 0.0]);
        assert_eq!(Scale::of_numbers(&[-3.0, -5.0]).top(), 0.0);
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(sorted([3.0, f64::NAN, 1.0]), [1.0, 3.0]);
    }

    proptest! {
        #[test]
        fn every_number_lies_within_its_chart(numbers in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 1..20)) {
            let scale = Scale::of_numbers(&numbers);
            for number in numbers {
                let y = scale.y(number, 100.0);
                prop_assert!((0.0..=100.0).contains(&y), "{} in {:?}", number, scale);
            }
            prop_assert!(scale.lines().len() <= 5);
        }
    }
}
