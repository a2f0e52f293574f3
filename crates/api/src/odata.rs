//! What OData asks of URLs and bodies.

pub(crate) mod error_body;
mod forwarded;
pub(crate) mod key_path;
pub(crate) mod options;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod root;
