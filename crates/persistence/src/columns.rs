//! The columns of each table, listed once: every SQL text of the tables is made from these lists. A new column needs an
//! entry here, a field in [`row`](crate::row), where rows are read, and, where reports write it, a field in
//! [`parameters`](crate::parameters) and in the composite type `run_write`.

use std::sync::LazyLock;

/// A column, and the type of its values.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    kind: &'static str,
}

const JSON: &str = "json";

const fn column(name: &'static str, kind: &'static str) -> Column {
    Column { name, kind }
}

/// What a version of a run consists of, besides its key and its times. In the order of their parameters.
pub(crate) const RUN_COLUMNS: [Column; 7] = [
    column("display_name", "text"),
    column("start_at", "timestamptz"),
    column("end_at", "timestamptz"),
    column("status", "text"),
    column("version", "bigint"),
    column("blocking_error", JSON),
    column("statistics", JSON),
];

/// What an entry of `run_events` consists of, besides its key. In the order of their parameters.
pub(crate) const EVENT_COLUMNS: [Column; 5] = [
    column("event_id", "uuid"),
    column("actor", "text"),
    column("request_id", "uuid"),
    column("action", "text"),
    column("changes", JSON),
];

/// What a version of a flow consists of, besides its key. In the order of their parameters.
pub(crate) const FLOW_COLUMNS: [Column; 6] = [
    column("version", "bigint"),
    column("display_name", "text"),
    column("readiness_status", "text"),
    column("data_domain", "text"),
    column("effective_at", "timestamptz"),
    column("expires_at", "timestamptz"),
];

/// The indexed expression of names, which compare by code points in every database.
pub(crate) const NAME: &str = "display_name COLLATE \"C\"";

/// The order of [`NEWEST_FIRST`](flowruns_domain::dashboard::NEWEST_FIRST), which is that of an index of the runs of a flow.
pub(crate) const NEWEST_FIRST: &str = "start_at DESC, id";

/// The columns of a [`RunRow`](crate::row::RunRow).
pub(crate) static RUN: LazyLock<String> =
    LazyLock::new(|| format!("id, {}, created_at, modified_at", names("", &RUN_COLUMNS)));

/// The columns that [`recent_run`](crate::row::recent_run) reads.
pub(crate) static RECENT_RUN: LazyLock<String> =
    LazyLock::new(|| joined(recent_run_names().map(str::to_owned)));

/// The columns of several rows as arrays, which [`recent_runs`](crate::row::recent_runs) reads.
pub(crate) static RECENT_RUN_ARRAYS: LazyLock<String> =
    LazyLock::new(|| joined(recent_run_names().map(|name| format!("array_agg({name})"))));

fn recent_run_names() -> impl Iterator<Item = &'static str> {
    let columns = RUN_COLUMNS.iter().filter(|column| column.kind != JSON);
    ["id"].into_iter().chain(columns.map(|column| column.name))
}

/// The columns that [`listed_run`](crate::row::listed_run) reads.
pub(crate) static LISTED_RUN: LazyLock<String> = LazyLock::new(|| {
    let columns = RUN_COLUMNS.iter().filter(|column| column.kind != JSON);
    format!("flow_id, id, {}", collated(columns))
});

/// The columns that [`listed_run_with_documents`](crate::row::listed_run_with_documents) reads.
pub(crate) static RUN_WITH_DOCUMENTS: LazyLock<String> =
    LazyLock::new(|| format!("flow_id, id, {}", names("", &RUN_COLUMNS)));

/// The columns of an [`EventRow`](crate::row::EventRow).
pub(crate) static EVENT: LazyLock<String> =
    LazyLock::new(|| format!("version, occurred_at, {}", names("", &EVENT_COLUMNS)));

/// The columns of a [`FlowRow`](crate::row::FlowRow).
pub(crate) static FLOW: LazyLock<String> =
    LazyLock::new(|| format!("id, {}", names("", &FLOW_COLUMNS)));

/// The columns of a [`FlowRow`](crate::row::FlowRow), and those that lists are ordered by.
pub(crate) static LISTED_FLOW: LazyLock<String> =
    LazyLock::new(|| format!("tenant_id, id, {}", collated(FLOW_COLUMNS.iter())));

impl Column {
    /// The type of a parameter that is written to the column. JSON is sent as text.
    pub(crate) fn parameter(self) -> &'static str {
        match self.kind {
            JSON => "text",
            kind => kind,
        }
    }

    /// A parameter as a value of the column; `source` is the name of its row with a point, or empty.
    fn value(self, source: &str) -> String {
        match self.kind {
            JSON => format!("{source}{}::{JSON}", self.name),
            _ => format!("{source}{}", self.name),
        }
    }
}

/// The names, each after `source`.
pub(crate) fn names(source: &str, columns: &[Column]) -> String {
    let names = columns.iter().map(|column| format!("{source}{}", column.name));
    joined(names)
}

/// Parameters of a source of rows, as the values of an INSERT.
pub(crate) fn values(source: &str, columns: &[Column]) -> String {
    joined(columns.iter().map(|column| column.value(source)))
}

/// The parameters of columns, of which the first has the number `first`: `$3, $4`.
pub(crate) fn placeholders(first: usize, columns: &[Column]) -> String {
    let numbers = (first..).take(columns.len());
    joined(numbers.map(|number| format!("${number}")))
}

/// Parameters of a source of rows, as the assignments of an UPDATE.
pub(crate) fn assignments(source: &str, columns: &[Column]) -> String {
    let assignment = |column: &Column| format!("{} = {}", column.name, column.value(source));
    joined(columns.iter().map(assignment))
}

/// The names, with the collation by which lists are ordered.
fn collated<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    joined(columns.map(|column| match column.name {
        "display_name" => format!("{NAME} AS display_name"),
        name => name.to_owned(),
    }))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
