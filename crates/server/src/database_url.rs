//! DATABASE_URL as sqlx reads it. Nothing here repeats its values: any of them may be a password.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

/// The parameters that sqlx knows.
const KNOWN: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Reads it; warns of what is ignored.
pub(crate) fn parse(url: &SecretString) -> anyhow::Result<PgConnectOptions> {
    let url = url.expose_secret();
    // The cause would repeat the URL.
    let options = url.parse().map_err(|_: sqlx::Error| {
        anyhow::anyhow!(
            "DATABASE_URL is no URL such as postgres://user:password@host:5432/database; \
             what else than letters and digits stands in the password is percent-encoded, as %23 for #"
        )
    })?;
    for name in unknown(url) {
        tracing::warn!(
            name,
            "DATABASE_URL has a parameter that is not known; it is ignored"
        );
    }
    Ok(options)
}

/// The names of its parameters that sqlx ignores.
fn unknown(url: &str) -> Vec<&str> {
    let Some((_, query)) = url.split_once('?') else {
        return Vec::new();
    };
    // A password with a question mark in it: what seems to be a name may be its end.
    if query.contains('@') {
        return vec!["of no name"];
    }
    let pairs = query.split('#').next().unwrap_or_default().split('&');
    let names = pairs.filter_map(|pair| pair.split('=').next());
    let is_known = |name: &str| name.starts_with("options[") || KNOWN.contains(&name);
    names
        .filter(|name| !name.is_empty() && !is_known(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_not_known_is_named_without_its_value() {
        for (url, expected) in [
            ("postgres://u@h/d", &[][..]),
            ("postgres://u@h/d?sslmode=require&password=x", &[]),
            ("postgres://u@h/d?options[jit]=off&port=5432", &[]),
            ("postgres://u@h/d?passwrod=x&user=u", &["passwrod"]),
            ("postgres://u:1?23&4@h/d", &["of no name"]),
        ] {
            assert_eq!(unknown(url), expected, "{url}");
        }
    }

    /// Should sqlx learn another one, this list can wait; should it forget one, it would be ignored in silence.
    #[test]
    fn what_is_known_here_is_read_by_sqlx() {
        let value = |name: &str| match name {
            "hostaddr" => "127.0.0.1",
            "port" | "statement-cache-capacity" => "5433",
            "sslmode" | "ssl-mode" => "disable",
            _ => "changed",
        };
        let plain: PgConnectOptions = "postgres://u@h/d".parse().unwrap();
        for name in KNOWN {
            let url = format!("postgres://u@h/d?{name}={}", value(name));
            let options: PgConnectOptions = url.parse().unwrap();
            assert_ne!(format!("{options:?}"), format!("{plain:?}"), "{name}");
        }
    }
}
