//! `$select` and `$expand`

use std::collections::BTreeMap;

use flowruns_domain::property;
use serde_json::value::RawValue;

use super::options::{QueryOptions, invalid};
use crate::{error::ApiError, json_writer::WriteJson};

/// The properties that a response has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Selection {
    /// The properties of every list.
    Usual,
    /// All properties.
    All,
    /// Only these properties.
    Only(Vec<&'static str>),
}

impl Selection {
    /// Reads `$select`, which may name these.
    pub(crate) fn read(
        options: &QueryOptions,
        known: &'static [&'static str],
    ) -> Result<Self, ApiError> {
        let Some(text) = options.get("select") else {
            return Ok(Self::Usual);
        };
        let mut selected = Vec::new();
        let mut all = false;
        for name in text.split(',').map(str::trim) {
            if name == "*" {
                all = true;
                continue;
            }
            let mut properties = known.iter();
            let property = properties.find(|known| known.eq_ignore_ascii_case(name));
            let name = property.ok_or_else(|| {
                let message = format!("$select names properties of {}, or *", known.join(", "));
                invalid("select", message)
            })?;
            selected.push(*name);
        }
        Ok(if all { Self::All } else { Self::Only(selected) })
    }

    /// Whether it selects this property, which is not in every list.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        match self {
            Self::Usual => false,
            Self::All => true,
            Self::Only(names) => names.contains(&name),
        }
    }

    /// The part of the context that names the selection, such as `(id,status)`.
    pub(crate) fn fragment(&self, expanded: bool) -> String {
        let mut names: Vec<&str> = match self {
            Self::Usual => Vec::new(),
            Self::All => vec!["*"],
            Self::Only(names) => names.clone(),
        };
        names.extend(expanded.then_some("process()"));
        if names.is_empty() { String::new() } else { format!("({})", names.join(",")) }
    }
}

/// Whether `$expand=process`.
pub(crate) fn wants_process(options: &QueryOptions) -> Result<bool, ApiError> {
    match options.get("expand").map(str::trim) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case(property::PROCESS) => Ok(true),
        Some(_) => Err(invalid("expand", "$expand is process, without options")),
    }
}

/// A row with its selected properties, its annotations and its expanded process.
pub(crate) struct Selected<'a, T> {
    pub(crate) row: T,
    pub(crate) selection: &'a Selection,
    pub(crate) expanded: bool,
}

impl<T: WriteJson> WriteJson for Selected<'_, T> {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Selection::Only(names) = self.selection else {
            return self.row.write_json(out);
        };
        let mut row = Vec::new();
        self.row.write_json(&mut row)?;
        let mut members: BTreeMap<&str, &RawValue> = serde_json::from_slice(&row)?;
        members.retain(|name, _| {
            let is_expanded = self.expanded && *name == property::PROCESS;
            name.starts_with('@') || names.contains(name) || is_expanded
        });
        serde_json::to_writer(out, &members)
    }
}
