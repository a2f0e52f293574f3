//! `flowruns token`: prints a token of the local key, and nothing else.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use flowruns_domain::id::TenantId;
use flowruns_http::auth::Permission;

use crate::{
    config::TokenSettings,
    local_key::{DEMO_TENANT, LocalKey},
};

/// The claims of the token.
#[derive(Args)]
pub(crate) struct TokenArguments {
    /// The tenant, a UUID.
    #[arg(long, default_value = DEMO_TENANT)]
    tenant: TenantId,
    /// A permission, such as IndustryData-Run.Read.All; can be repeated [default: all].
    #[arg(long = "role", value_parser = permission)]
    roles: Vec<Permission>,
    /// How long it is valid, such as 15m, 1h or 30days.
    #[arg(long, default_value = "1h", value_parser = lifetime)]
    ttl: Duration,
}

/// At least one second, since tokens count in whole seconds.
fn lifetime(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.as_secs() == 0 {
        return Err("at least 1s".to_owned());
    }
    Ok(duration)
}

/// The permission of this name, for arguments.
pub(super) fn permission(name: &str) -> Result<Permission, String> {
    Permission::from_name(name).ok_or_else(|| {
        let known = Permission::ALL.map(Permission::name).join(", ");
        format!("no such role; the roles are {known}")
    })
}

pub(crate) fn run(settings: &TokenSettings, arguments: &TokenArguments) -> anyhow::Result<()> {
    #[expect(clippy::print_stderr, reason = "stdout contains only the token")]
    for warning in &settings.warnings {
        eprintln!("warning: {warning}");
    }
    if settings.has_issuer {
        bail!(
            "an issuer is configured in the section auth, so the server accepts no tokens of the local key; ask the issuer for one"
        );
    }
    let roles = if arguments.roles.is_empty() { &Permission::ALL[..] } else { &arguments.roles };
    let token = LocalKey::open(&settings.data_dir)?.mint(
        arguments.tenant,
        roles,
        arguments.ttl.as_secs(),
    )?;
    #[expect(clippy::print_stdout, reason = "the command prints its result")]
    {
        println!("{token}");
    }
    Ok(())
}
