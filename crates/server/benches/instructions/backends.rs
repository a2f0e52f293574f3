//! The instructions of PostgreSQL's backends, counted by valgrind's tool callgrind.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use flowruns_testing::harness::DEADLINE;
use tempfile::TempDir;

use super::{callgrind, support::postgres::Database};

/// A backend calls this function when `pg_log_backend_memory_contexts` names it, also while it is idle. Callgrind writes what
/// it has counted before the call and after it, each time as the next part of its result, and begins at zero. A command to the
/// running tool would not reach a backend: it is a forked process, and may belong to another account.
const BOUNDARY: &str = "ProcessLogMemoryContextInterrupt";
/// The part of the first call. The parts of a backend are: its start and what was not counted, the call, what was counted, the
/// second call.
const FIRST_CALL: u32 = 2;
const COUNTED: u32 = 3;
const SECOND_CALL: u32 = 4;
const PAUSE: Duration = Duration::from_millis(10);

/// Counts the instructions of the backends of a server that runs under [`tool`](Self::tool).
pub(crate) struct BackendCounter {
    results: TempDir,
}

/// Backends that are counted since [`BackendCounter::begin`].
pub(crate) struct CountedBackends {
    application: &'static str,
    processes: Vec<u32>,
}

impl BackendCounter {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let results = tempfile::tempdir()?;
        // The account of the server writes into it.
        fs::set_permissions(results.path(), fs::Permissions::from_mode(0o777))?;
        Ok(Self { results })
    }

    /// The command that runs the server.
    pub(crate) fn tool(&self) -> Vec<OsString> {
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(self.results.path().join("%p"));
        let boundaries = ["--dump-before", "--dump-after"];
        let boundaries = boundaries.map(|option| format!("{option}={BOUNDARY}").into());
        let options = ["valgrind", "--quiet", "--tool=callgrind", "--vgdb=no"];
        options.into_iter().map(OsString::from).chain(boundaries).chain([file]).collect()
    }

    /// Begins to count the backends of an application's sessions in a database.
    pub(crate) fn begin(
        &self,
        database: &mut Database<'_>,
        application: &'static str,
    ) -> anyhow::Result<CountedBackends> {
        let processes = sessions(database, application)?;
        self.end_part(database, &processes, FIRST_CALL)?;
        Ok(CountedBackends { application, processes })
    }

    /// Stops to count, and returns the number of instructions of all these backends together.
    pub(crate) fn end(
        &self,
        database: &mut Database<'_>,
        backends: CountedBackends,
    ) -> anyhow::Result<u64> {
        let CountedBackends { application, processes } = backends;
        let now = sessions(database, application)?;
        ensure!(processes == now, "{application} had the sessions {processes:?}, now {now:?}");
        self.end_part(database, &processes, SECOND_CALL)?;
        let results = processes.iter().map(|process| self.result(*process, COUNTED));
        results.map(|result| callgrind::total(&result)).sum()
    }

    /// Makes each backend call the function, and waits until the part of this call has been written.
    fn end_part(
        &self,
        database: &mut Database<'_>,
        processes: &[u32],
        call: u32,
    ) -> anyhow::Result<()> {
        for process in processes {
            let signal = format!("SELECT pg_log_backend_memory_contexts({process})::text");
            ensure!(database.text(&signal)? == "true", "process {process} has ended");
        }
        let deadline = Instant::now() + DEADLINE;
        for process in processes {
            while !self.result(*process, call).exists() {
                ensure!(Instant::now() < deadline, "callgrind has written nothing of {process}");
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn result(&self, process: u32, part: u32) -> PathBuf {
        self.results.path().join(format!("{process}.{part}"))
    }
}

/// The processes of an application's sessions in a database.
fn sessions(database: &mut Database<'_>, application: &str) -> anyhow::Result<Vec<u32>> {
    let sessions = database.text(&format!(
        "SELECT coalesce(string_agg(pid::text, ' ' ORDER BY pid), '') FROM pg_stat_activity
         WHERE application_name = '{application}' AND datname = current_database()"
    ))?;
    let processes: Vec<_> =
        sessions.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(!processes.is_empty(), "{application} has no session");
    Ok(processes)
}
