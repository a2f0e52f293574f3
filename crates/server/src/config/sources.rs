//! Where the configuration comes from: the defaults, then a file, then the environment.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use config::{Config, File, FileFormat};
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

/// What the operator set, merged with the defaults but not judged yet: each command judges what it needs.
pub(super) struct Sources {
    merged: Config,
    /// Without the defaults.
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
    /// A file that cannot be read or is no TOML; a variable that is not UTF-8.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let keys = Keys::of(&toml(DEFAULTS)?.try_deserialize()?);
        let variables = Variables::of(environment, &keys)?;
        let file = file
            .map(Path::to_owned)
            .or(variables.file.clone().map(PathBuf::from));
        let of_file = match &file {
            Some(path) => read_toml(path)
                .with_context(|| format!("the configuration file {}", path.display()))?,
            None => Config::default(),
        };
        let mut set = Config::builder().add_source(of_file.clone());
        for (key, value) in &variables.values {
            set = set.set_override(key, value.as_str())?;
        }
        let set = set.build()?;
        let merged = Config::builder()
            .add_source(toml(DEFAULTS)?)
            .add_source(set.clone())
            .build()
            .context("the configuration cannot be merged")?;
        let unknown_keys = keys.unknown_in(&of_file.try_deserialize::<Value>()?);
        Ok(Self {
            merged,
            set,
            variables,
            file,
            keys,
            unknown_keys,
        })
    }

    /// The part of the configuration that a type describes.
    pub(super) fn get<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let merged = self.merged.clone();
        merged
            .try_deserialize()
            .context("the configuration is wrong; config/default.toml lists every key")
    }

    /// One value, whatever it is.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.merged.get(key).ok()
    }

    /// Whether the operator has set a key, to whatever.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.set.get::<Value>(key).is_ok()
    }

    /// The secret DATABASE_URL, if there is one.
    pub(super) fn database_url(&self) -> anyhow::Result<Option<SecretString>> {
        secret::take(&mut self.variables.secrets.clone(), DATABASE_URL)
    }

    /// # Errors
    ///
    /// Names in these sections that nobody knows; the section "" has the keys of one part.
    pub(super) fn refuse_unknown(&self, is_needed: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let complaints = self.unknown(is_needed);
        if complaints.is_empty() {
            return Ok(());
        }
        bail!("{}", complaints.join("\n"))
    }

    /// A sentence for each name in these sections that nobody knows.
    pub(super) fn unknown(&self, is_needed: impl Fn(&str) -> bool) -> Vec<String> {
        let file = self.file.as_deref().unwrap_or(Path::new("")).display();
        let of_file = self.unknown_keys.iter();
        let of_file = of_file.filter(|key| is_needed(keys::section(key)));
        let of_file = of_file.map(|key| {
            let suggestion = self.keys.suggest_key(key);
            format!("the key {key} of {file} is not known; {suggestion} config/default.toml lists every key")
        });
        let others = [FILE_VARIABLE, DATABASE_URL];
        let names = self.variables.unknown.iter();
        let names = names.filter(|name| is_needed(keys::section(&keys::key(name))));
        let of_environment = names.map(|name| {
            let suggestion = self.keys.suggest_variable(name, &others);
            format!("the environment variable {name} is not known; {suggestion} config/default.toml lists every key")
        });
        of_file.chain(of_environment).collect()
    }
}

fn toml(text: &str) -> anyhow::Result<Config> {
    let source = File::from_str(text, FileFormat::Toml);
    Ok(Config::builder().add_source(source).build()?)
}

fn read_toml(path: &Path) -> anyhow::Result<Config> {
    let bytes = read_regular_file(path, MAX_FILE_BYTES).context("it cannot be read")?;
    let text = String::from_utf8(bytes).context("it is not UTF-8")?;
    toml(&text).context("it is no TOML")
}
