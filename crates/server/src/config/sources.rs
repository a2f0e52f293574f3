//! The sources of the configuration: the defaults, a file and the environment. A later one overrides an earlier one.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use config::{Config, File, FileFormat, ValueKind};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    DATABASE_URL, DEFAULTS, FILE_VARIABLE,
    environment::Variables,
    keys::{self, Keys},
    secret,
};

/// The merged configuration before validation: each command validates the parts that it needs.
pub(super) struct Sources {
    merged: Config,
    /// The file and the environment, without the defaults.
    set: Config,
    variables: Variables,
    file: Option<PathBuf>,
    keys: Keys,
    unknown_keys: Vec<String>,
}

impl Sources {
    /// Reads the file (the argument, or what FLOWRUNS_CONFIG names) and the environment.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not TOML; a variable that is not UTF-8.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let defaults = toml(DEFAULTS)?;
        let keys = Keys::of(&defaults.clone().try_deserialize()?);
        let variables = Variables::of(environment, &keys)?;
        let file = file.map(Path::to_owned).or(variables.file.clone().map(PathBuf::from));
        let from_file = match &file {
            Some(path) => read_toml(path)
                .with_context(|| format!("the configuration file {}", path.display()))?,
            None => Config::default(),
        };
        let mut set = Config::builder().add_source(from_file.clone());
        for (key, value) in &variables.values {
            set = set.set_override(key, value.as_str())?;
        }
        let set = typed(&set.build()?, &defaults, &keys)?;
        let merged = Config::builder()
            .add_source(defaults)
            .add_source(set.clone())
            .build()
            .context("the configuration cannot be merged")?;
        let unknown_keys = keys.unknown_in(&from_file.try_deserialize::<Value>()?);
        Ok(Self { merged, set, variables, file, keys, unknown_keys })
    }

    /// Reads the part of the configuration that a type describes.
    pub(super) fn get<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let merged = self.merged.clone();
        merged
            .try_deserialize()
            .context("the configuration is wrong; config/default.toml lists every key")
    }

    /// One value, of any type.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.merged.get(key).ok()
    }

    /// Whether the file or the environment sets a key.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.set.get::<Value>(key).is_ok()
    }

    /// The secret DATABASE_URL, if it is set.
    pub(super) fn database_url(&self) -> anyhow::Result<Option<SecretString>> {
        secret::take(&mut self.variables.secrets.clone(), DATABASE_URL)
    }

    /// # Errors
    ///
    /// Unknown names in these sections. Keys without a section are in the section "".
    pub(super) fn reject_unknown(&self, is_needed: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let sentences = self.unknown(is_needed);
        if sentences.is_empty() {
            return Ok(());
        }
        bail!("{}", sentences.join("\n"))
    }

    /// A sentence for each unknown name in these sections.
    pub(super) fn unknown(&self, is_needed: impl Fn(&str) -> bool) -> Vec<String> {
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        let in_file = self.unknown_keys.iter();
        let in_file = in_file.filter(|key| is_needed(keys::section(key)));
        let in_file = in_file.map(|key| {
            let suggestion = self.keys.suggest_key(key);
            format!("the key {key} of {file} is not known; {suggestion} config/default.toml lists every key")
        });
        let others = [FILE_VARIABLE, DATABASE_URL];
        let names = self.variables.unknown.iter();
        let names = names.filter(|name| is_needed(keys::section(&keys::key(name))));
        let in_environment = names.map(|name| {
            let suggestion = self.keys.suggest_variable(name, &others);
            format!("the environment variable {name} is not known; {suggestion} config/default.toml lists every key")
        });
        in_file.chain(in_environment).collect()
    }
}

/// Gives every value that is set the type of its default, since the environment has only text.
fn typed(set: &Config, defaults: &Config, keys: &Keys) -> anyhow::Result<Config> {
    let mut typed = Config::builder().add_source(set.clone());
    for key in keys.iter() {
        if let Ok(value) = set.get::<config::Value>(key) {
            let default = defaults.get::<config::Value>(key)?;
            typed = typed.set_override(key, with_type_of(&default.kind, value.kind))?;
        }
    }
    Ok(typed.build()?)
}

/// A value that does not fit becomes a text that says so, and is rejected when a command reads it. Left alone, `config` would
/// accept `yes` and 1.5 as numbers, and 1 as `true`.
fn with_type_of(default: &ValueKind, value: ValueKind) -> ValueKind {
    use ValueKind::{Boolean, Float, I64, String, U64};
    let rejected = |what: &str| String(format!("{value}, which is not {what}"));
    match (default, &value) {
        (I64(_), String(text)) => match text.trim().parse() {
            Ok(number) => U64(number),
            Err(_) => rejected("a whole number"),
        },
        (I64(_), Boolean(_) | Float(_)) => rejected("a whole number"),
        (Boolean(_), String(text)) => match text.trim().parse() {
            Ok(flag) => Boolean(flag),
            Err(_) => rejected("true or false"),
        },
        (Boolean(_), I64(_) | U64(_) | Float(_)) => rejected("true or false"),
        _ => value,
    }
}

fn toml(text: &str) -> anyhow::Result<Config> {
    let source = File::from_str(text, FileFormat::Toml);
    Ok(Config::builder().add_source(source).build()?)
}

fn read_toml(path: &Path) -> anyhow::Result<Config> {
    let bytes = read_regular_file(path, MAX_FILE_BYTES).context("it cannot be read")?;
    let text = String::from_utf8(bytes).context("it is not UTF-8")?;
    toml(&text).context("it is not TOML")
}
