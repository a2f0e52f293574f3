//! A secret: from a variable, or from the file that the same name with `_FILE` names, as orchestrators mount them.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, bail};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::SecretString;

/// What follows the name of a variable whose value is the path of a file.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Takes a secret out of the variables; an empty variable is none. No message repeats what it is.
pub(super) fn take(
    variables: &mut HashMap<String, String>,
    name: &str,
) -> anyhow::Result<Option<SecretString>> {
    let file_name = format!("{name}{FILE_SUFFIX}");
    let mut set = |name: &str| variables.remove(name).filter(|value| !value.is_empty());
    match (set(name), set(&file_name)) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some(value.into())),
        (None, Some(path)) => read(&path)
            .with_context(|| format!("{file_name}: {path} cannot be used"))
            .map(Some),
        (Some(_), Some(_)) => bail!("both {name} and {file_name} are set; unset one of them"),
    }
}

/// Without the line feed that editors put at the end.
fn read(path: &str) -> anyhow::Result<SecretString> {
    let Ok(text) = String::from_utf8(read_regular_file(Path::new(path), MAX_FILE_BYTES)?) else {
        bail!("it is not UTF-8");
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("it is empty");
    }
    Ok(secret.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret as _;

    use super::*;

    const NAME: &str = "DATABASE_URL";

    fn take_of(variables: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
        let variables = variables.iter();
        let mut variables = variables
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let taken = take(&mut variables, NAME)?;
        assert!(variables.is_empty(), "{:?}", variables.keys());
        Ok(taken.map(|secret| secret.expose_secret().to_owned()))
    }

    fn refusal(variables: &[(&str, &str)]) -> String {
        format!("{:#}", take_of(variables).unwrap_err())
    }

    #[test]
    fn a_secret_is_the_variable_or_the_file_without_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        let path = file.to_str().unwrap();
        for content in ["x y", "x y\n", "x y\r\n", "x y\n\n"] {
            fs::write(&file, content).unwrap();
            let taken = take_of(&[("DATABASE_URL_FILE", path)]).unwrap();
            assert_eq!(taken.as_deref(), Some("x y"));
            let beside_empty = [("DATABASE_URL_FILE", path), (NAME, "")];
            assert_eq!(take_of(&beside_empty).unwrap().as_deref(), Some("x y"));
        }
        let given = [(NAME, "z"), ("DATABASE_URL_FILE", "")];
        assert_eq!(take_of(&given).unwrap().as_deref(), Some("z"));
        assert_eq!(take_of(&[]).unwrap(), None);
    }

    #[test]
    fn two_secrets_are_one_too_many() {
        let refused = refusal(&[(NAME, "secret"), ("DATABASE_URL_FILE", "/nowhere")]);
        assert!(
            refused.contains("both DATABASE_URL and DATABASE_URL_FILE"),
            "{refused}"
        );
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        let path = file.to_str().unwrap();
        let of_file = || refusal(&[("DATABASE_URL_FILE", path)]);
        let absent = of_file();
        assert!(
            absent.contains(path) && absent.contains("No such file"),
            "{absent}"
        );
        fs::write(&file, "\n").unwrap();
        assert!(of_file().contains("it is empty"));
        fs::write(&file, b"secret\xff").unwrap();
        let broken = of_file();
        assert!(
            broken.contains("it is not UTF-8") && !broken.contains("secret"),
            "{broken}"
        );
    }
}
