//! The faults of one request while they are collected: the first hundred, and how many more there are.

use crate::rejection::{Fault, Rule};

/// Collects faults up to a limit; beyond it they are counted, so that a body of any size costs little to refuse.
///
/// ```
/// use flowruns_domain::{Fault, Faults, Rule};
///
/// let mut faults = Faults::default();
/// for number in 0..150 {
///     faults.push_with(|| Fault::new(Rule::UnknownProperty, format!("p{number}"), "remove it"));
/// }
/// let faults = faults.into_vec();
/// assert_eq!(faults.len(), 101);
/// assert_eq!(faults[100].rule, Rule::MoreFaults(50));
/// assert_eq!(faults[100].message, "50 more faults are not listed");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Faults {
    listed: Vec<Fault>,
    unlisted: usize,
}

impl Faults {
    /// The most faults that are listed.
    pub const MAX_LISTED: usize = 100;

    /// Adds a fault, which is made only where it is listed.
    pub fn push_with(&mut self, fault: impl FnOnce() -> Fault) {
        if self.listed.len() < Self::MAX_LISTED {
            self.listed.push(fault());
        } else {
            self.unlisted += 1;
        }
    }

    /// The value of a result; its fault is added.
    pub fn collect<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.push_with(|| fault);
                None
            }
        }
    }

    /// Adds faults that were collected elsewhere, with those that are only counted there.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            match fault.rule {
                Rule::MoreFaults(count) => self.unlisted += count,
                _ => self.push_with(|| fault),
            }
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The faults; a last one says how many are not listed.
    pub fn into_vec(self) -> Vec<Fault> {
        let Self {
            listed: mut faults,
            unlisted,
        } = self;
        if unlisted > 0 {
            let (noun, verb) = match unlisted {
                1 => ("fault", "is"),
                _ => ("faults", "are"),
            };
            let message = format!("{} more {noun} {verb} not listed", grouped(unlisted));
            faults.push(Fault::new(Rule::MoreFaults(unlisted), "", message));
        }
        faults
    }
}

/// A number with a comma before every three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Vec<Fault> {
        let mut faults = Faults::default();
        for _ in 0..count {
            faults.push_with(|| Fault::new(Rule::InvalidType, "a", "b"));
        }
        faults.into_vec()
    }

    #[test]
    fn a_hundred_faults_are_all_listed() {
        assert_eq!(many(100).len(), 100);
        assert_eq!(many(101)[100].message, "1 more fault is not listed");
    }

    #[test]
    fn counts_of_several_collections_add_up() {
        let mut all = Faults::default();
        all.extend(many(90_000));
        all.extend(many(1150));
        let all = all.into_vec();
        assert_eq!(all.len(), 101);
        assert_eq!(all[100].message, "91,050 more faults are not listed");
    }
}
