//! Secrets: from a variable, or from a file whose path is in the variable of the same name with `_FILE`.

use std::{collections::HashMap, path::Path};

use anyhow::{Context as _, bail};
use flowruns_embedded::{MAX_FILE_BYTES, read_regular_file};
use secrecy::SecretString;

/// The suffix of a variable whose value is the path of a file.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Removes a secret from the variables. An empty variable counts as unset. No message contains the secret.
pub(super) fn take(
    variables: &mut HashMap<String, String>,
    name: &str,
) -> anyhow::Result<Option<SecretString>> {
    let file_name = format!("{name}{FILE_SUFFIX}");
    let mut set = |name: &str| variables.remove(name).filter(|value| !value.is_empty());
    match (set(name), set(&file_name)) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some(value.into())),
        (None, Some(path)) => read_file(Path::new(&path)).with_context(|| file_name).map(Some),
        (Some(_), Some(_)) => bail!("both {name} and {file_name} are set; unset one of them"),
    }
}

/// Reads the secret in a file, without the line end that editors append. The error names the file.
pub(super) fn read_file(path: &Path) -> anyhow::Result<SecretString> {
    read(path).with_context(|| format!("{} cannot be used", path.display()))
}

fn read(path: &Path) -> anyhow::Result<SecretString> {
    let Ok(text) = String::from_utf8(read_regular_file(path, MAX_FILE_BYTES)?) else {
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

    fn secret_of(variables: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
        let variables = variables.iter();
        let mut variables =
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let secret = take(&mut variables, NAME)?;
        assert!(variables.is_empty(), "{:?}", variables.keys());
        Ok(secret.map(|secret| secret.expose_secret().to_owned()))
    }

    fn rejection(variables: &[(&str, &str)]) -> String {
        format!("{:#}", secret_of(variables).unwrap_err())
    }

    #[test]
    fn a_secret_comes_from_the_variable_or_from_the_file_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        let path = file.to_str().unwrap();
        for content in ["x y", "x y\n", "x y\r\n", "x y\n\n"] {
            fs::write(&file, content).unwrap();
            let secret = secret_of(&[("DATABASE_URL_FILE", path)]).unwrap();
            assert_eq!(secret.as_deref(), Some("x y"));
            let beside_empty = [("DATABASE_URL_FILE", path), (NAME, "")];
            assert_eq!(secret_of(&beside_empty).unwrap().as_deref(), Some("x y"));
        }
        let given = [(NAME, "z"), ("DATABASE_URL_FILE", "")];
        assert_eq!(secret_of(&given).unwrap().as_deref(), Some("z"));
        assert_eq!(secret_of(&[]).unwrap(), None);
    }

    #[test]
    fn a_variable_and_a_file_together_are_rejected() {
        let rejected = rejection(&[(NAME, "secret"), ("DATABASE_URL_FILE", "/nowhere")]);
        assert!(rejected.contains("both DATABASE_URL and DATABASE_URL_FILE"), "{rejected}");
        assert!(!rejected.contains("secret"), "{rejected}");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        let path = file.to_str().unwrap();
        let of_file = || rejection(&[("DATABASE_URL_FILE", path)]);
        let absent = of_file();
        assert!(absent.contains(path) && absent.contains("No such file"), "{absent}");
        fs::write(&file, "\n").unwrap();
        assert!(of_file().contains("it is empty"));
        fs::write(&file, b"secret\xff").unwrap();
        let broken = of_file();
        assert!(broken.contains("it is not UTF-8") && !broken.contains("secret"), "{broken}");
    }
}
