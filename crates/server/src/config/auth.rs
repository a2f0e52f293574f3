//! The section `auth`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::values;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) jwks_file: Option<PathBuf>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}
