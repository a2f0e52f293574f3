//! The section `limits`.

use std::time::Duration;

use anyhow::Context as _;
use flowruns_api::{AdmissionLimits, MinimumRate, Rate, RateOverride};
use flowruns_domain::CountLimit;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values;

/// More in a second is no limit any more.
const HIGHEST_RATE: u64 = 1_000_000;

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(deserialize_with = "values::number")]
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) requests_per_second: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) burst: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 16, max = 1_000_000))]
    pub(crate) requests: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1_048_576))]
    pub(crate) bytes: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1, max = 100))]
    pub(crate) caller_percent: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) max_wait_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1, max = CountLimit::MAX))]
    pub(crate) count_rows: u32,
    /// From a file alone: the environment knows no tables.
    #[validate(nested)]
    pub(crate) overrides: Vec<Override>,
}

/// Other limits for some callers.
#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Override {
    pub(crate) tenant: Option<String>,
    pub(crate) application: Option<String>,
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) requests_per_second: u64,
    #[serde(default)]
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) burst: u64,
}

impl Limits {
    /// As the routes take them, with the rate that the section `http` sets.
    ///
    /// # Errors
    ///
    /// A tenant that is no UUID, or a number beyond this machine.
    pub(crate) fn limits(&self, minimum_rate: MinimumRate) -> anyhow::Result<flowruns_api::Limits> {
        Ok(flowruns_api::Limits {
            caller: rate(self.requests_per_second, self.burst)?,
            overrides: self
                .overrides
                .iter()
                .map(Override::rate)
                .collect::<anyhow::Result<_>>()?,
            count_rows: CountLimit::new(self.count_rows)
                .context("limits.count_rows is 1 to 10,000,000")?,
            admission: AdmissionLimits {
                requests: usize::try_from(self.requests)?,
                bytes: usize::try_from(self.bytes)?,
                caller_percent: u8::try_from(self.caller_percent)?,
            },
            max_wait: Duration::from_millis(self.max_wait_ms),
            minimum_rate,
        })
    }
}

impl Override {
    fn rate(&self) -> anyhow::Result<RateOverride> {
        let tenant = self.tenant.as_deref().map(str::parse).transpose();
        Ok(RateOverride {
            tenant: tenant.context("limits.overrides: the tenant is no UUID")?,
            application: self.application.clone(),
            rate: rate(self.requests_per_second, self.burst)?,
        })
    }
}

/// A burst of 0 is what a second brings; 0 in a second is no limit.
fn rate(requests_per_second: u64, burst: u64) -> anyhow::Result<Option<Rate>> {
    let burst = match burst {
        0 => requests_per_second,
        burst => burst,
    };
    Ok(Rate::per_second(
        requests_per_second.try_into()?,
        burst.try_into()?,
    ))
}
