//! Describes settings that are out of range.

use std::{borrow::Cow, collections::HashMap};

use anyhow::anyhow;
use serde_json::Value;
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

/// A message that names the bounds and the value of each setting that is out of range.
pub(super) fn describe(errors: &ValidationErrors) -> anyhow::Error {
    let mut sentences = Vec::new();
    describe_all(errors, "", &mut sentences);
    sentences.sort();
    anyhow!("{}", sentences.join("; "))
}

fn describe_all(errors: &ValidationErrors, prefix: &str, sentences: &mut Vec<String>) {
    for (name, kind) in errors.errors() {
        let key = format!("{prefix}{name}");
        match kind {
            ValidationErrorsKind::Field(errors) => {
                sentences.extend(errors.iter().map(|error| sentence(&key, error)));
            }
            ValidationErrorsKind::Struct(errors) => {
                describe_all(errors, &format!("{key}."), sentences);
            }
            ValidationErrorsKind::List(items) => {
                for (index, errors) in items {
                    describe_all(errors, &format!("{key}[{index}]."), sentences);
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
        (None, None) => format!("valid ({})", error.code),
    };
    match number(&error.params, "value") {
        Some(value) => format!("{key} must be {bounds}, not {value}"),
        None => format!("{key} must be {bounds}"),
    }
}

/// A number among the parameters of an error of `validator`, which gives untyped bounds as floats.
fn number(params: &HashMap<Cow<'static, str>, Value>, name: &str) -> Option<String> {
    let number = params.get(name)?;
    Some(match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}"),
        Some(_) => number.to_string(),
        None => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fs, path::Path};

    use crate::config::Settings;

    fn rejection(file: Option<&Path>, variables: &[(&str, &str)]) -> String {
        let variables =
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        format!("{:#}", Settings::merge(file, variables).unwrap_err())
    }

    #[test]
    fn a_setting_out_of_range_is_rejected_with_its_key_its_bounds_and_its_value() {
        for (variable, value, expected) in [
            (
                "FLOWRUNS_HTTP__MAX_BODY_BYTES",
                "1",
                "http.max_body_bytes must be from 1024 to 1073741824, not 1",
            ),
            ("FLOWRUNS_WORKER_THREADS", "5000", "worker_threads must be at most 1024, not 5000"),
            ("FLOWRUNS_LIMITS__BYTES", "7", "limits.bytes must be at least 1048576, not 7"),
        ] {
            let rejected = rejection(None, &[(variable, value)]);
            let expected = format!("the configuration is out of range: {expected}");
            assert_eq!(rejected, expected);
        }
        let both = rejection(
            None,
            &[("FLOWRUNS_DATABASE__WRITERS", "0"), ("FLOWRUNS_LIMITS__BURST", "1000001")],
        );
        let expected = "database.writers must be from 1 to 64, not 0; limits.burst must be at most 1000000, not 1000001";
        assert!(both.ends_with(expected), "{both}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flowruns.toml");
        fs::write(&file, "[[limits.overrides]]\nrequests_per_second = 1000001\n").unwrap();
        let rejected = rejection(Some(&file), &[]);
        let expected =
            "limits.overrides[0].requests_per_second must be at most 1000000, not 1000001";
        assert!(rejected.ends_with(expected), "{rejected}");
    }
}
