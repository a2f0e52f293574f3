//! The data folder of this machine, for the commands that report and read runs.

use std::path::{Path, PathBuf};

use flowruns_cli::{LocalServer, MintToken};
use flowruns_domain::id::TenantId;
use flowruns_http::auth::Permission;

use crate::{
    config::{OpenSettings, TokenSettings},
    local_key::{DEMO_TENANT, LocalKey},
};

/// How long a token is valid, in seconds. The client asks for another one before it expires.
const TOKEN_SECONDS: u64 = 600;

/// The data folder that the configuration names. The configuration is read only if a command needs it.
pub(crate) struct DataFolder {
    file: Option<PathBuf>,
}

impl DataFolder {
    /// `file` overrides the defaults of the configuration.
    pub(crate) fn new(file: Option<&Path>) -> Self {
        Self { file: file.map(Path::to_owned) }
    }

    fn mint(&self) -> anyhow::Result<Option<MintToken>> {
        let settings = TokenSettings::load(self.file.as_deref())?;
        if settings.has_issuer {
            return Ok(None);
        }
        let Some(key) = LocalKey::find(&settings.data_dir)? else {
            return Ok(None);
        };
        let tenant: TenantId = DEMO_TENANT.parse()?;
        let mint = move || key.mint(tenant, &Permission::ALL, TOKEN_SECONDS).map_err(text);
        Ok(Some(Box::new(mint)))
    }
}

impl LocalServer for DataFolder {
    fn url(&self) -> Result<String, String> {
        OpenSettings::load(self.file.as_deref()).and_then(|settings| settings.url()).map_err(text)
    }

    fn tokens(&self) -> Result<Option<MintToken>, String> {
        self.mint().map_err(text)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn text(error: anyhow::Error) -> String {
    format!("{error:#}")
}
