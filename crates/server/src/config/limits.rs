//! The section `limits`.

use anyhow::Context as _;
use flowruns_domain::query::CountLimit;
use flowruns_http::{AdmissionLimits, MinimumRate, Rate, RateOverride};
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values::Millis;

/// Requests per second; a higher rate would not limit anything.
const HIGHEST_RATE: u64 = 1_000_000;

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitSettings {
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) requests_per_second: u64,
    #[validate(range(max = HIGHEST_RATE))]
    pub(crate) burst: u64,
    #[validate(range(min = 16, max = 1_000_000))]
    pub(crate) requests: u64,
    #[validate(range(min = 1_048_576))]
    pub(crate) bytes: u64,
    #[validate(range(min = 1, max = 100))]
    pub(crate) caller_percent: u64,
    #[validate(range(min = 1))]
    pub(crate) max_wait_ms: Millis,
    #[validate(range(min = 1, max = CountLimit::MAX))]
    pub(crate) count_rows: u32,
    /// From a file only, since the environment has no tables.
    #[validate(nested)]
    pub(crate) overrides: Vec<Override>,
}

/// Other limits for the callers that it names.
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

impl LimitSettings {
    /// The limits for the API, with the minimum rate of the section `http`.
    ///
    /// # Errors
    ///
    /// A tenant that is not a UUID, or a number that does not fit this machine.
    pub(crate) fn limits(
        &self,
        minimum_rate: MinimumRate,
    ) -> anyhow::Result<flowruns_http::Limits> {
        Ok(flowruns_http::Limits {
            caller: rate(self.requests_per_second, self.burst)?,
            overrides: self.overrides.iter().map(Override::rate).collect::<anyhow::Result<_>>()?,
            count_rows: CountLimit::new(self.count_rows)
                .context("limits.count_rows must be from 1 to 10,000,000")?,
            admission: AdmissionLimits {
                requests: usize::try_from(self.requests)?,
                bytes: usize::try_from(self.bytes)?,
                caller_percent: u8::try_from(self.caller_percent)?,
            },
            max_wait: self.max_wait_ms.duration(),
            minimum_rate,
        })
    }
}

impl Override {
    fn rate(&self) -> anyhow::Result<RateOverride> {
        let tenant = self.tenant.as_deref().map(str::parse).transpose();
        Ok(RateOverride {
            tenant: tenant.context("limits.overrides: the tenant is not a UUID")?,
            application: self.application.clone(),
            rate: rate(self.requests_per_second, self.burst)?,
        })
    }
}

/// A burst of 0 means `requests_per_second`; 0 requests per second mean no limit.
fn rate(requests_per_second: u64, burst: u64) -> anyhow::Result<Option<Rate>> {
    let burst = match burst {
        0 => requests_per_second,
        burst => burst,
    };
    Ok(Rate::per_second(requests_per_second.try_into()?, burst.try_into()?))
}
