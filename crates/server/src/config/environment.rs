//! The environment variables that belong to this program.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsString,
};

use anyhow::bail;

use super::{DATABASE_URL, FILE_VARIABLE, PREFIX, keys, keys::Keys, secret};

/// The variables of the command line client, which share the prefix.
const CLIENT: [&str; 14] = [
    "FLOWRUNS_URL",
    "FLOWRUNS_TOKEN",
    "FLOWRUNS_TOKEN_FILE",
    "FLOWRUNS_TOKEN_COMMAND",
    "FLOWRUNS_FLOW",
    "FLOWRUNS_FLOW_ID",
    "FLOWRUNS_RUN_ID",
    "FLOWRUNS_STATISTICS",
    "FLOWRUNS_SPOOL_DIR",
    "FLOWRUNS_ISSUER",
    "FLOWRUNS_CLIENT_ID",
    "FLOWRUNS_CLIENT_SECRET_FILE",
    "FLOWRUNS_SCOPE",
    "FLOWRUNS_ALLOW_HTTP",
];

/// The end of the name of a variable that Kubernetes sets for every Service.
const SERVICE_HOST: &str = "_SERVICE_HOST";

/// The variables with the prefix of this program, and those for the URL of the database.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// By key, such as `http.listen`.
    pub(super) values: HashMap<String, String>,
    /// The file that overrides the defaults.
    pub(super) file: Option<String>,
    /// DATABASE_URL and DATABASE_URL_FILE.
    pub(super) secrets: HashMap<String, String>,
    /// The unknown names.
    pub(super) unknown: BTreeSet<String>,
}

impl Variables {
    /// # Errors
    ///
    /// The value of a known variable is not UTF-8. Other variables are ignored.
    pub(super) fn of(
        environment: impl Iterator<Item = (OsString, OsString)>,
        known: &Keys,
    ) -> anyhow::Result<Self> {
        let all: Vec<(String, OsString)> =
            environment.map(|(name, value)| (name.to_string_lossy().into_owned(), value)).collect();
        let services = services(all.iter().map(|(name, _)| name.as_str()));
        let mut found = Self::default();
        for (name, value) in all {
            let upper = name.to_ascii_uppercase();
            let is_secret = name.strip_suffix(secret::FILE_SUFFIX).unwrap_or(&name) == DATABASE_URL;
            let has_prefix = upper.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('_'));
            let key = keys::key(&name);
            if is_secret {
                let text = utf8(&name, value)?;
                found.secrets.insert(name, text);
            } else if !has_prefix {
            } else if known.contains(&key) {
                found.values.insert(key, utf8(&name, value)?);
            } else if upper == FILE_VARIABLE {
                found.file = Some(utf8(&name, value)?).filter(|file| !file.is_empty());
            } else if !is_foreign(&upper, &services) {
                found.unknown.insert(name);
            }
        }
        Ok(found)
    }
}

fn utf8(name: &str, value: OsString) -> anyhow::Result<String> {
    // The message does not contain the value, which may be a secret.
    let Ok(value) = value.into_string() else {
        bail!("the environment variable {name} is not UTF-8; set it again");
    };
    Ok(value)
}

/// Whether the variable belongs to another program or to Kubernetes.
fn is_foreign(name: &str, services: &BTreeSet<String>) -> bool {
    CLIENT.contains(&name)
        || services.iter().any(|service| is_of_service(name, service).unwrap_or(false))
}

/// The Kubernetes Services of the pod's namespace whose variables have the prefix of this program: always `flowruns`, and
/// `flowruns-x` if its address is set too, so that a misspelled key is not mistaken for the port of a Service.
fn services<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let services = names.filter_map(|name| name.strip_suffix(SERVICE_HOST));
    let services = services.filter(|name| name.strip_prefix(PREFIX).is_some_and(is_suffix));
    services.map(str::to_owned).chain([PREFIX.to_owned()]).collect()
}

fn is_suffix(rest: &str) -> bool {
    rest.starts_with('_') && !rest.contains("__")
}

/// Whether Kubernetes sets this variable for this Service: `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_<NAME>`, and
/// in the style of Docker's links `…_PORT`, `…_PORT_<NUMBER>_<PROTOCOL>`, the latter also with `_PROTO`, `_PORT`, `_ADDR`.
fn is_of_service(name: &str, service: &str) -> Option<bool> {
    let rest = name.strip_prefix(service)?.strip_prefix('_')?;
    if ["SERVICE_HOST", "SERVICE_PORT", "PORT"].contains(&rest) {
        return Some(true);
    }
    if let Some(port_name) = rest.strip_prefix("SERVICE_PORT_") {
        return Some(!port_name.is_empty() && !port_name.contains("__"));
    }
    let mut parts = rest.strip_prefix("PORT_")?.split('_');
    let (port, protocol, field) = (parts.next()?, parts.next()?, parts.next());
    let is_port = port.parse::<u16>().is_ok();
    let is_protocol = ["TCP", "UDP", "SCTP"].contains(&protocol);
    let is_field = field.is_none_or(|field| ["PROTO", "PORT", "ADDR"].contains(&field));
    Some(is_port && is_protocol && is_field && parts.next().is_none())
}
