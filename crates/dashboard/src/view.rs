//! Parts of pages.

pub(crate) mod chart;
pub(crate) mod choose;
pub(crate) mod icon;
pub(crate) mod json;
pub(crate) mod lane;
pub(crate) mod leaf;
pub(crate) mod scale;
pub(crate) mod shape;
pub(crate) mod spark;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod strip;
pub(crate) mod time;
