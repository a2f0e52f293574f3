//! DATABASE_URL, parsed by sqlx. No message contains its values, since any of them may be a password.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

/// The parameters that sqlx supports.
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

/// Parses the URL, and warns about parameters that are ignored.
pub(crate) fn parse(url: &SecretString) -> anyhow::Result<PgConnectOptions> {
    let url = url.expose_secret();
    // The cause would contain the URL.
    let options = url.parse().map_err(|_: sqlx::Error| {
        anyhow::anyhow!(
            "DATABASE_URL is not a URL such as postgres://user:password@host:5432/database; \
             characters of the password other than letters and digits must be percent-encoded, such as %23 for #"
        )
    })?;
    for name in unknown(url) {
        tracing::warn!(name, "DATABASE_URL has an unknown parameter, which is ignored");
    }
    Ok(options)
}

/// The names of the parameters that sqlx ignores.
fn unknown(url: &str) -> Vec<&str> {
    let Some((_, query)) = url.split_once('?') else {
        return Vec::new();
    };
    // The password contains a question mark, so what looks like a parameter name may be a part of it.
    if query.contains('@') {
        return vec!["(unnamed)"];
    }
    let pairs = query.split('#').next().unwrap_or_default().split('&');
    let names = pairs.filter_map(|pair| pair.split('=').next());
    let is_known = |name: &str| name.starts_with("options[") || KNOWN.contains(&name);
    names.filter(|name| !name.is_empty() && !is_known(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_parameter_is_named_without_its_value() {
        for (url, expected) in [
            ("postgres://u@h/d", &[][..]),
            ("postgres://u@h/d?sslmode=require&password=x", &[]),
            ("postgres://u@h/d?options[jit]=off&port=5432", &[]),
            ("postgres://u@h/d?passwrod=x&user=u", &["passwrod"]),
            ("postgres://u:1?23&4@h/d", &["(unnamed)"]),
        ] {
            assert_eq!(unknown(url), expected, "{url}");
        }
    }

    /// If sqlx dropped the support of a parameter, it would be ignored without a warning.
    #[test]
    fn every_known_parameter_is_read_by_sqlx() {
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
