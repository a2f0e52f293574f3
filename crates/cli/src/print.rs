//! What commands print: texts without terminal escape sequences, tables, JSON, CSV.

mod text;

pub(crate) use self::text::clean;
