//! `flowruns open`: prints a link that opens the dashboard once, and opens it in a browser.

use std::{
    env,
    net::{TcpStream, ToSocketAddrs as _},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::bail;
use clap::Args;
use flowruns_domain::id::{FlowId, RunId, TenantId};
use flowruns_http::auth::Permission;
use reqwest::Url;

use super::token::permission;
use crate::{
    config::OpenSettings,
    local_key::{DEMO_TENANT, LocalKey},
    startup_message::open_link,
};

/// How long the command waits for the server to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// What the link shows, and what it permits.
#[derive(Args)]
pub(crate) struct OpenArguments {
    /// The id of a flow, or of a flow and a run as FLOW/RUN [default: the overview].
    #[arg(value_parser = page)]
    page: Option<String>,
    /// The tenant, a UUID.
    #[arg(long, default_value = DEMO_TENANT)]
    tenant: TenantId,
    /// A permission, such as IndustryData-Run.Read.All; can be repeated [default: all].
    #[arg(long = "role", value_parser = permission)]
    roles: Vec<Permission>,
    /// The URL of the server [default: as the configuration says].
    #[arg(long)]
    url: Option<Url>,
    /// Print the link and open nothing.
    #[arg(long)]
    print: bool,
}

/// The path of the page of a flow or a run.
fn page(text: &str) -> Result<String, String> {
    let explain = |_| "neither the id of a flow nor FLOW/RUN".to_owned();
    let (flow, run) = match text.split_once('/') {
        Some((flow, run)) => (flow, Some(run.parse::<RunId>().map_err(explain)?)),
        None => (text, None),
    };
    let flow: FlowId = flow.parse().map_err(explain)?;
    Ok(match run {
        Some(run) => format!("/ui/flows/{flow}/runs/{run}"),
        None => format!("/ui/flows/{flow}"),
    })
}

pub(crate) fn run(settings: &OpenSettings, arguments: &OpenArguments) -> anyhow::Result<()> {
    for warning in &settings.token.warnings {
        warn(warning);
    }
    let url = match &arguments.url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => settings.url()?,
    };
    if settings.token.has_issuer {
        bail!(
            "an issuer is configured in the section auth, so the server accepts no links of the local key; open {url}/ui and sign in there"
        );
    }
    let roles = if arguments.roles.is_empty() { &Permission::ALL[..] } else { &arguments.roles };
    if !is_served(&url) {
        warn(&format!("no server accepts connections at {url}; start it with `flowruns serve`"));
    }
    let key = LocalKey::open(&settings.token.data_dir)?;
    let link = open_link(&url, &key.mint_code(arguments.tenant, roles)?, arguments.page.as_deref());
    #[expect(clippy::print_stdout, reason = "the command prints its result")]
    {
        println!("{link}");
    }
    if !arguments.print {
        open(&link);
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "stdout contains only the link")]
fn warn(warning: &str) {
    eprintln!("warning: {warning}");
}

fn is_served(url: &str) -> bool {
    let url = url.parse::<Url>().ok();
    let target = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    let addresses = target
        .and_then(|(host, port)| (host.trim_matches(['[', ']']), port).to_socket_addrs().ok());
    let mut addresses = addresses.into_iter().flatten();
    addresses.any(|address| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok())
}

/// Opens the link in the browser of the desktop, if there is one. The link is printed in any case, so a failure is ignored.
fn open(link: &str) {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    let program = match env::consts::OS {
        "macos" => "open",
        _ if has_display => "xdg-open",
        _ => return,
    };
    let mut command = Command::new(program);
    command.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _started = command.spawn();
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn a_page_is_that_of_a_flow_or_a_run() {
        let (flow, run) =
            ("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f");
        assert_eq!(page(flow).unwrap(), format!("/ui/flows/{flow}"));
        let of_run = page(&format!("{flow}/{run}"));
        assert_eq!(of_run.unwrap(), format!("/ui/flows/{flow}/runs/{run}"));
        for text in ["", "nightly", "/", &format!("{flow}/"), &format!("{flow}/x"), "../..//evil"] {
            assert!(page(text).is_err(), "{text}");
        }
    }
}
