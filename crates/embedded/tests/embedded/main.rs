//! The behaviour of a cluster, with a real PostgreSQL.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod exit;
#[cfg(test)]
mod holder;
#[cfg(test)]
mod place;
#[cfg(test)]
mod start;
#[cfg(test)]
mod support;
