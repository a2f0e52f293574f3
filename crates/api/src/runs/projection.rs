//! The parts of a run that the client asks for: `$select` and `$expand`.

use flowruns_domain::property;

use crate::{
    error::ApiError,
    odata::{
        options::QueryOptions,
        page::json_format,
        select::{Selected, Selection, wants_process},
    },
};

const PROPERTIES: &[&str] = &[
    property::ID,
    property::DISPLAY_NAME,
    property::START_DATE_TIME,
    property::END_DATE_TIME,
    property::STATUS,
    property::BLOCKING_ERROR,
    property::STATISTICS,
];

/// `$select` and `$expand` of runs.
pub(super) struct Projection {
    pub(super) selection: Selection,
    pub(super) with_process: bool,
}

impl Projection {
    pub(super) fn read(options: &QueryOptions) -> Result<Self, ApiError> {
        json_format(options)?;
        Ok(Self {
            selection: Selection::read(options, PROPERTIES)?,
            with_process: wants_process(options)?,
        })
    }

    /// Whether a list must read the documents of its runs.
    pub(super) fn has_details(&self) -> bool {
        let details = [property::BLOCKING_ERROR, property::STATISTICS];
        details.iter().any(|name| self.selection.asks_for(name))
    }

    /// The part of the context that names the projection, such as `(id,status)`.
    pub(super) fn fragment(&self) -> String {
        self.selection.fragment(self.with_process)
    }

    pub(super) fn selected<T>(&self, row: T) -> Selected<'_, T> {
        Selected { row, selection: &self.selection, expanded: self.with_process }
    }
}
