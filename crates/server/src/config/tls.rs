//! The section `tls`.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values;

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) certificate_file: Option<PathBuf>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) key_file: Option<PathBuf>,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) check_interval_ms: u64,
}

/// Where certificates and key are.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificates: PathBuf,
    pub(crate) key: PathBuf,
}

impl Tls {
    pub(crate) const fn check_interval(&self) -> Duration {
        Duration::from_millis(self.check_interval_ms)
    }

    /// Both files, or neither.
    pub(crate) fn files(&self) -> anyhow::Result<Option<TlsFiles>> {
        match (&self.certificate_file, &self.key_file) {
            (None, None) => Ok(None),
            (Some(certificates), Some(key)) => Ok(Some(TlsFiles {
                certificates: certificates.clone(),
                key: key.clone(),
            })),
            _ => {
                bail!("tls.certificate_file and tls.key_file need each other; set both or neither")
            }
        }
    }
}
