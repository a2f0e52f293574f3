//! The column of a run's statistics.

use flowruns_domain::{json::JsonObject, run::Statistics};
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
    types::Json,
};

/// The column of statistics; `None` inside if its JSON is no object that a run can have.
pub(crate) struct StatisticsColumn(pub(super) Option<Statistics>);

impl Type<Postgres> for StatisticsColumn {
    fn type_info() -> PgTypeInfo {
        <Json<JsonObject> as Type<Postgres>>::type_info()
    }

    fn compatible(column: &PgTypeInfo) -> bool {
        <Json<JsonObject> as Type<Postgres>>::compatible(column)
    }
}

impl<'r> Decode<'r, Postgres> for StatisticsColumn {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // The binary form of jsonb is the number of its version, which is no character of JSON, and its text.
        const JSONB_VERSION: u8 = 1;
        let bytes = value.as_bytes()?;
        let text = bytes.strip_prefix(&[JSONB_VERSION]).unwrap_or(bytes);
        Ok(Self(Statistics::from_stored_text(str::from_utf8(text)?)))
    }
}
