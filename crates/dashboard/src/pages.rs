//! The pages. Each handler reads through the ports, makes a view, and returns it as a [`Page`](crate::page::Page).

pub(crate) mod end;
pub(crate) mod flow;
pub(crate) mod go;
pub(crate) mod overview;
pub(crate) mod preferences;
pub(crate) mod problem;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod sign_in;
pub(crate) mod streak;
pub(crate) mod stream;
pub(crate) mod timeline;
