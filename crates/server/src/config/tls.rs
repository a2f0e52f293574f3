//! The section `tls`.

use std::path::PathBuf;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values::{self, Millis};

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSettings {
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) certificate_file: Option<PathBuf>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) key_file: Option<PathBuf>,
    #[validate(range(min = 1))]
    pub(crate) check_interval_ms: Millis,
}

/// The files of the certificates and of their private key.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificates: PathBuf,
    pub(crate) key: PathBuf,
}

impl TlsSettings {
    /// Both files; `None` when neither is set.
    ///
    /// # Errors
    ///
    /// Only one of them is set.
    pub(crate) fn files(&self) -> anyhow::Result<Option<TlsFiles>> {
        match (&self.certificate_file, &self.key_file) {
            (None, None) => Ok(None),
            (Some(certificates), Some(key)) => {
                Ok(Some(TlsFiles { certificates: certificates.clone(), key: key.clone() }))
            }
            _ => {
                bail!("tls.certificate_file and tls.key_file need each other; set both or neither")
            }
        }
    }
}
