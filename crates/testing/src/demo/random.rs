//! Numbers that are the same each time.

use flowruns_domain::run::Outcome;

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, less than this.
    pub(super) const fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Around a value, rarely further from it than three times this share of it.
    pub(super) fn around(&mut self, value: f64, spread: f64) -> f64 {
        let sum: f64 = (0..4).map(|_| self.below(1_000_000) as f64 / 1e6 - 0.5).sum();
        (value * sum.mul_add(spread, 1.0)).max(value / 4.0)
    }

    /// An outcome, by the weights of completed, with warnings, with errors, and failed.
    pub(super) fn outcome(&mut self, weights: [u64; 4]) -> Outcome {
        const OUTCOMES: [Outcome; 4] = [
            Outcome::Completed,
            Outcome::CompletedWithWarnings,
            Outcome::CompletedWithErrors,
            Outcome::Failed,
        ];
        let mut drawn = self.below(weights.iter().sum());
        for (outcome, weight) in OUTCOMES.into_iter().zip(weights) {
            if drawn < weight {
                return outcome;
            }
            drawn -= weight;
        }
        Outcome::Completed
    }
}
