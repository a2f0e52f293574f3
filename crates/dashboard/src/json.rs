//! Values of the domain in the JSON of pages, for `serialize_with`: ids, times and names as text, statuses as in the API.

use std::fmt::Display;

use flowruns_domain::run::RunStatus;
use serde::Serializer;

/// A value as the text that it is displayed as.
pub(crate) fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A value as the text that it is displayed as, or null.
pub(crate) fn optional_text<S: Serializer>(
    value: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A status as the API names it.
pub(crate) fn status<S: Serializer>(status: &RunStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}
