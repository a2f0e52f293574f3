//! Numbers in a form that memory, responses and the database share.

use serde::{Serialize, Serializer};

/// An integer of 64 bits, signed or unsigned, or another finite double.
///
/// A double with the value of such an integer becomes that integer, so `1.0` equals `1` and `-0.0` is `0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(NumberForm);

#[derive(Clone, Copy, Debug, PartialEq)]
enum NumberForm {
    Negative(i64),
    NonNegative(u64),
    Double(f64),
}

impl Number {
    /// `None` for infinity and NaN.
    pub fn from_double(value: f64) -> Option<Self> {
        // Both bounds are powers of two, so the comparison is exact and the conversions below lose nothing.
        const UNSIGNED_END: f64 = 18_446_744_073_709_551_616.0;
        const SIGNED_START: f64 = -9_223_372_036_854_775_808.0;
        if !value.is_finite() {
            return None;
        }
        let is_integer = value.fract() == 0.0 && (SIGNED_START..UNSIGNED_END).contains(&value);
        Some(match value {
            _ if !is_integer => Self(NumberForm::Double(value)),
            _ if value < 0.0 => Self::from(value as i64),
            _ => Self::from(value as u64),
        })
    }

    /// The nearest double.
    pub const fn to_f64(self) -> f64 {
        match self.0 {
            NumberForm::Negative(value) => value as f64,
            NumberForm::NonNegative(value) => value as f64,
            NumberForm::Double(value) => value,
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(u64::try_from(value).map_or(NumberForm::Negative(value), NumberForm::NonNegative))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(NumberForm::NonNegative(value))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            NumberForm::Negative(value) => serializer.serialize_i64(value),
            NumberForm::NonNegative(value) => serializer.serialize_u64(value),
            NumberForm::Double(value) => serializer.serialize_f64(value),
        }
    }
}
