//! A loaded database and a service on it.

use std::path::Path;

use anyhow::ensure;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_testing::harness::ServerProcess;

use super::{
    client,
    dataset::Dataset,
    history,
    kind::Kind,
    loading, pgbench,
    postgres::{Database, Postgres},
    process::Processes,
    request::Requests,
    service,
    slice::{Slice, Timing},
};

/// How many bytes the server has written to its log so far.
const LOGGED: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')";

/// What is measured.
pub(crate) struct Fixture<'a> {
    pub(crate) database: Database<'a>,
    pub(crate) service: ServerProcess,
    /// What is sent, and to which runs.
    pub(crate) requests: Requests,
    /// Reports whose history was counted.
    pub(crate) counted: u64,
}

impl<'a> Fixture<'a> {
    /// Loads a new database and starts a service on it. `prepare` runs before the first row exists.
    pub(crate) fn open(
        postgres: &'a Postgres,
        name: &str,
        dataset: Dataset,
        prepare: &str,
        log: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut database = postgres.create(name)?;
        database.execute(prepare)?;
        loading::load(&mut database, dataset)?;
        let service = service::start(&database, log);
        let requests = Requests::new(dataset, service.address(), service.token());
        Ok(Self { database, service, requests, counted: 0 })
    }

    /// Measures one slice. It begins with a checkpoint, so that every slice has the same cost for the first change of a page.
    /// Counts its history afterwards.
    pub(crate) fn measure(
        &mut self,
        kind: Kind,
        clients: usize,
        timing: Timing,
    ) -> anyhow::Result<Slice> {
        self.database.execute("CHECKPOINT")?;
        let logged_before = self.database.number(LOGGED)?;
        let since = SystemClock.now();
        let processes = Processes {
            service: self.service.pid(),
            postmaster: self.database.postgres.pid(),
            client: std::process::id(),
        };
        let mut slice = match kind {
            Kind::Pgbench | Kind::PgbenchHot => {
                let one_run = kind == Kind::PgbenchHot;
                pgbench::run(
                    &self.database,
                    self.requests.dataset,
                    one_run,
                    clients,
                    timing,
                    processes,
                )?
            }
            _ => {
                let (address, requests) = (self.service.address(), &mut self.requests);
                client::run(kind, clients, address, requests, timing, processes)?
            }
        };
        ensure!(!slice.latencies.is_empty(), "{}: no response in time", kind.title());
        slice.wal_bytes = self.database.number(LOGGED)? - logged_before;
        self.counted += history::check(&mut self.database, kind, since, &slice)?;
        Ok(slice)
    }
}
