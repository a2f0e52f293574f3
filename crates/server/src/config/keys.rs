//! The known keys, which are those of the defaults, and suggestions for unknown ones.

use serde_json::Value;

use super::PREFIX;

/// What separates the parts of a key in a variable's name.
const SEPARATOR: &str = "__";
/// How many names are suggested at most, when several are equally near.
const SUGGESTIONS: usize = 3;

/// Every key in dotted form, such as `http.listen`.
pub(super) struct Keys(Vec<String>);

impl Keys {
    /// The keys of a configuration that has every key.
    pub(super) fn of(defaults: &Value) -> Self {
        Self(leaves(defaults))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|known| known == key)
    }

    /// The unknown keys of a file.
    pub(super) fn unknown_in(&self, file: &Value) -> Vec<String> {
        let mut unknown = leaves(file);
        unknown.retain(|key| !self.contains(key) && !self.is_section(key));
        unknown
    }

    /// "did you mean …?" for an unknown variable; `others` are known variables that set no key.
    pub(super) fn suggest_variable(&self, name: &str, others: &[&str]) -> String {
        let variables = self.0.iter().map(|key| variable(key));
        let others = others.iter().map(|other| (*other).to_owned());
        suggest(&without_prefix(name), variables.chain(others))
    }

    /// "did you mean …?" for an unknown key of a file.
    pub(super) fn suggest_key(&self, key: &str) -> String {
        suggest(key, self.0.iter().cloned())
    }

    /// A value where a section is expected is not unknown: its type is reported instead.
    fn is_section(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.0.iter().any(|known| known.starts_with(&prefix))
    }
}

/// The key that a variable sets: `http.listen` of `FLOWRUNS_HTTP__LISTEN`.
pub(super) fn key(variable: &str) -> String {
    without_prefix(variable).to_ascii_lowercase().replace(SEPARATOR, ".")
}

/// The section of a key: its first part, or "" for a key of one part.
pub(super) fn section(key: &str) -> &str {
    key.split_once('.').map_or("", |(section, _)| section)
}

fn variable(key: &str) -> String {
    let name = key.replace('.', SEPARATOR).to_ascii_uppercase();
    format!("{PREFIX}_{name}")
}

fn without_prefix(variable: &str) -> String {
    let upper = variable.to_ascii_uppercase();
    let rest = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    rest.strip_prefix('_').unwrap_or(rest).to_owned()
}

/// The names of all values, those of nested tables in dotted form.
fn leaves(table: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in table.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => {
                let nested = leaves(value).into_iter();
                names.extend(nested.map(|inner| format!("{name}.{inner}")));
            }
            _ => names.push(name.clone()),
        }
    }
    names
}

fn suggest(name: &str, candidates: impl Iterator<Item = String>) -> String {
    let name = comparable(name.trim_start_matches('_'));
    let mut rated: Vec<(usize, String)> =
        candidates.map(|candidate| (distance(&name, &candidate), candidate)).collect();
    rated.sort();
    let least = rated.first().map(|(distance, _)| *distance);
    let nearest = rated
        .into_iter()
        .filter(|(distance, _)| Some(*distance) == least)
        .map(|(_, candidate)| candidate);
    let nearest: Vec<String> = nearest.take(SUGGESTIONS).collect();
    format!("did you mean {}?", nearest.join(" or "))
}

/// The distance in edits. A missing section counts as one edit, and one underscore instead of two as none.
fn distance(name: &str, candidate: &str) -> usize {
    let whole = comparable(&without_prefix(candidate));
    let last = candidate.rsplit("__").next().unwrap_or(candidate);
    let last = last.rsplit('.').next().unwrap_or(last);
    let of_whole = strsim::osa_distance(name, &whole);
    let of_last = strsim::osa_distance(name, &comparable(last)) + 1;
    of_whole.min(of_last)
}

fn comparable(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('.', "_");
    name.replace(SEPARATOR, "_")
}
