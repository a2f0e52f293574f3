//! Settings out of range, in a sentence for each.

use std::{borrow::Cow, collections::HashMap};

use anyhow::anyhow;
use serde_json::Value;
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

/// Says of each setting what its bounds are, and what it was set to.
pub(super) fn explained(errors: &ValidationErrors) -> anyhow::Error {
    let mut sentences = Vec::new();
    collect(errors, "", &mut sentences);
    sentences.sort();
    anyhow!("{}", sentences.join("; "))
}

fn collect(errors: &ValidationErrors, prefix: &str, sentences: &mut Vec<String>) {
    for (name, kind) in errors.errors() {
        let key = format!("{prefix}{name}");
        match kind {
            ValidationErrorsKind::Field(errors) => {
                sentences.extend(errors.iter().map(|error| sentence(&key, error)));
            }
            ValidationErrorsKind::Struct(errors) => {
                collect(errors, &format!("{key}."), sentences);
            }
            ValidationErrorsKind::List(items) => {
                for (index, errors) in items {
                    collect(errors, &format!("{key}[{index}]."), sentences);
                }
            }
        }
    }
}

fn sentence(key: &str, error: &ValidationError) -> String {
    let bounds = match (number(&error.params, "min"), number(&error.params, "max")) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => format!("in order ({})", error.code),
    };
    match number(&error.params, "value") {
        Some(value) => format!("{key} must be {bounds}, not {value}"),
        None => format!("{key} must be {bounds}"),
    }
}

/// A number of the parameters that a rule of `validator` gives with its error. A bound is written as a float where it has
/// no type of its own.
fn number(params: &HashMap<Cow<'static, str>, Value>, name: &str) -> Option<String> {
    let number = params.get(name)?;
    Some(match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
        Some(_) => number.to_string(),
        None => return None,
    })
}
