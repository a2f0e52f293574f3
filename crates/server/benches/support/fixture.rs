//! A loaded database and a service on it.

use std::{path::Path, time::Duration};

use anyhow::ensure;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_testing::harness::ServerProcess;

use super::{
    client,
    dataset::Dataset,
    history,
    kind::{Kind, Load},
    loading, pgbench,
    postgres::{Database, Postgres},
    process::Processes,
    request::Requests,
    service,
    slice::{Slice, Timing},
};

/// How many bytes the server has written to its log so far.
const LOGGED: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')";
/// Clients that fill the cache of the service.
const WARMING_CLIENTS: usize = 64;

/// What is measured.
pub(crate) struct Fixture<'a> {
    pub(crate) database: Database<'a>,
    pub(crate) service: ServerProcess,
    /// The database of pgbench, if it has rows of its own.
    baseline: Option<Database<'a>>,
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
        let database = loaded(postgres, name, dataset, prepare)?;
        let service = service::start(&database, log);
        let requests = Requests::new(dataset, &service);
        Ok(Self { database, service, baseline: None, requests, counted: 0 })
    }

    /// Loads another database for pgbench, with the same rows: its updates would make every run that the service has cached
    /// stale.
    pub(crate) fn with_baseline(mut self) -> anyhow::Result<Self> {
        let name = format!("{}_pgbench", self.database.name);
        self.baseline = Some(loaded(self.database.postgres, &name, self.requests.dataset, "")?);
        Ok(self)
    }

    /// Sends reports until the service has cached what fits into its cache.
    pub(crate) fn fill_cache(&mut self, kind: Kind, length: Duration) -> anyhow::Result<()> {
        let timing = Timing { warm_up: Duration::ZERO, measured: length };
        self.measure(Load::Service(kind), WARMING_CLIENTS, timing)?;
        Ok(())
    }

    /// Measures one slice, and counts its history afterwards. It begins with a checkpoint, so that every slice has the same
    /// cost for the first change of a page.
    pub(crate) fn measure(
        &mut self,
        load: Load,
        clients: usize,
        timing: Timing,
    ) -> anyhow::Result<Slice> {
        let has_baseline = self.baseline.is_some();
        let database = self.database_of(load);
        if has_baseline {
            // The rows of the other database may have evicted them.
            database.execute(loading::PREWARM)?;
        }
        database.execute("CHECKPOINT")?;
        let logged_before = database.number(LOGGED)?;
        let since = SystemClock.now();
        let mut slice = match load {
            Load::Pgbench(kind) => self.run_pgbench(kind, clients, timing)?,
            Load::Service(Kind::Cold) => self.run_after_start(clients, timing)?,
            Load::Service(kind) => {
                let processes = self.processes(self.service.pid());
                let (address, requests) = (self.service.address(), &mut self.requests);
                client::run(kind, clients, address, requests, timing, processes)?
            }
        };
        ensure!(!slice.latencies.is_empty(), "{}: no response in time", load.title());
        let database = self.database_of(load);
        slice.wal_bytes = database.number(LOGGED)? - logged_before;
        self.counted += history::check(database, load, since, &slice)?;
        Ok(slice)
    }

    fn run_pgbench(&self, kind: Kind, clients: usize, timing: Timing) -> anyhow::Result<Slice> {
        let database = self.baseline.as_ref().unwrap_or(&self.database);
        let processes = self.processes(self.service.pid());
        pgbench::run(database, self.requests.dataset, kind, clients, timing, processes)
    }

    /// On a service that is started for this slice.
    fn run_after_start(&mut self, clients: usize, timing: Timing) -> anyhow::Result<Slice> {
        let service = service::start(&self.database, None);
        self.requests.direct_to(&service);
        let processes = self.processes(service.pid());
        let (address, requests) = (service.address(), &mut self.requests);
        let slice = client::run(Kind::Cold, clients, address, requests, timing, processes);
        self.requests.direct_to(&self.service);
        slice
    }

    fn processes(&self, service: u32) -> Processes {
        let postmaster = self.database.postgres.pid();
        Processes { service, postmaster, client: std::process::id() }
    }

    fn database_of(&mut self, load: Load) -> &mut Database<'a> {
        match (load, &mut self.baseline) {
            (Load::Pgbench(_), Some(baseline)) => baseline,
            _ => &mut self.database,
        }
    }
}

fn loaded<'a>(
    postgres: &'a Postgres,
    name: &str,
    dataset: Dataset,
    prepare: &str,
) -> anyhow::Result<Database<'a>> {
    let mut database = postgres.create(name)?;
    database.execute(prepare)?;
    loading::load(&mut database, dataset)?;
    Ok(database)
}
