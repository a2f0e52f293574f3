//! OData: paths, query options, links and pages.

pub(crate) mod count;
pub(crate) mod cursor;
pub(crate) mod filter;
pub(crate) mod key_path;
pub(crate) mod options;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod page_preference;
pub(crate) mod root;
pub(crate) mod select;
