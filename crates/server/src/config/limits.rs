//! The section `limits`.

use anyhow::Context as _;
use flowruns_api::{Rate, RateOverride};
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
    /// As the routes take them.
    ///
    /// # Errors
    ///
    /// A tenant that is no UUID, or a number beyond this machine.
    pub(crate) fn limits(&self) -> anyhow::Result<flowruns_api::Limits> {
        Ok(flowruns_api::Limits {
            caller: rate(self.requests_per_second, self.burst)?,
            overrides: self
                .overrides
                .iter()
                .map(Override::rate)
                .collect::<anyhow::Result<_>>()?,
            count_rows: CountLimit::new(self.count_rows)
                .context("limits.count_rows is 1 to 10,000,000")?,
            requests: usize::try_from(self.requests)?,
            bytes: usize::try_from(self.bytes)?,
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
