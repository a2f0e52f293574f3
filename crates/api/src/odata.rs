//! What OData asks of URLs and bodies.

pub(crate) mod count;
pub(crate) mod cursor;
pub(crate) mod error_body;
pub(crate) mod filter;
mod forwarded;
pub(crate) mod key_path;
pub(crate) mod options;
pub(crate) mod order;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod page_preference;
pub(crate) mod root;
pub(crate) mod select;
