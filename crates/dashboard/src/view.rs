//! Parts of pages.

pub(crate) mod icon;
pub(crate) mod spark;
pub(crate) mod status;
pub(crate) mod strip;
pub(crate) mod time;
