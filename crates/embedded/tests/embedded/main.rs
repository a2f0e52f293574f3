//! Tests of a cluster with a real PostgreSQL.

#[cfg(test)]
mod cluster_process;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod exit;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod start;
#[cfg(test)]
mod support;
