//! What the measurements of the whole system share: a PostgreSQL, a service on it, and two kinds of load.

pub(crate) mod client;
pub(crate) mod dataset;
pub(crate) mod history;
pub(crate) mod interrupt;
pub(crate) mod kind;
pub(crate) mod loading;
pub(crate) mod pgbench;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod scene;
pub(crate) mod service;
pub(crate) mod slice;
