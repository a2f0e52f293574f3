//! pgbench: the throughput of PostgreSQL without the service, for the same work.

mod script;

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use flowruns_domain::clock::{Clock as _, SystemClock};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    dataset::{self, Dataset, FIRST_REPORTED, TENANT},
    interrupt,
    kind::Kind,
    loading,
    postgres::{Database, SERVICE_ROLE},
    process::Processes,
    slice::{Slice, Timing},
};

/// The actor in the history that pgbench writes; its name is as long as that of the local token.
pub(crate) const ACTOR: &str = "bench";
const SCRIPT: &str = "script.sql";
const FLAGS: [&str; 4] = ["--no-vacuum", "--protocol=prepared", "--progress=1", "--log"];
/// PostgreSQL plans each statement once, as in the sessions of the service.
const SESSION: &str = "-c plan_cache_mode=force_generic_plan -c jit=off";
/// A bound on a run that never receives the signal to end, beyond its warm-up and measured time.
const SPARE_SECONDS: u64 = 60;

/// From this number of clients on, a second thread of pgbench is faster: a thread polls all its clients for each response.
const MANY_CLIENTS: usize = 64;

/// Runs `clients` clients, each on its own connection.
pub(crate) fn run(
    database: &Database<'_>,
    dataset: Dataset,
    kind: Kind,
    clients: usize,
    timing: Timing,
    processes: Processes,
) -> anyhow::Result<Slice> {
    let folder = database.postgres.folder().join("pgbench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(SCRIPT), script::text(kind.dataset(dataset), kind))?;
    let mut running = Running::start(database, &folder, clients, timing)?;
    let stderr = running.child.stderr.take().context("no stderr")?;
    let mut lines = BufReader::new(stderr).lines();
    wait_until_connected(&mut lines)?;
    let client = running.child.id();
    let processes = Processes { client, ..processes };
    let (from, cpu) = (clock_micros(), processes.cpu()?);
    wait(timing.measured)?;
    let (to, cpu) = (clock_micros(), processes.cpu()?.since(cpu));
    running.end()?;
    // Its final output; the pipe closes when it has ended.
    let output: Vec<_> = lines.map_while(Result::ok).collect();
    let status = running.child.wait()?;
    ensure!(status.success(), "pgbench failed: {}", output.join("\n"));
    let length = Duration::from_micros(u64::try_from(to - from)?);
    let mut slice = Slice { length, cpu, ..Slice::default() };
    read_logs(&folder, from..to, &mut slice)?;
    fs::remove_dir_all(&folder)?;
    Ok(slice)
}

/// The first line of progress comes a second after all clients are connected.
fn wait_until_connected(
    lines: &mut impl Iterator<Item = io::Result<String>>,
) -> anyhow::Result<()> {
    let mut output = Vec::new();
    for line in lines {
        let line = line?;
        if line.starts_with("progress:") {
            return Ok(());
        }
        output.push(line);
    }
    bail!("pgbench ended: {}", output.join("\n"))
}

/// A process that ends with this value.
struct Running {
    child: Child,
}

impl Running {
    fn start(
        database: &Database<'_>,
        folder: &Path,
        clients: usize,
        timing: Timing,
    ) -> anyhow::Result<Self> {
        let postgres = database.postgres;
        let seconds = (timing.warm_up + timing.measured).as_secs() + SPARE_SECONDS;
        let threads = if clients < MANY_CLIENTS { 1 } else { 2 };
        let changes = dataset::report_changes(FIRST_REPORTED, FIRST_REPORTED + 1);
        let (tenant, name) = (TENANT.to_string(), loading::NAME);
        let (before, after) = dataset::creation(name)?;
        let creation = format!("{before}{}{after}", SystemClock.now());
        let variables = [
            ("tenant", tenant.as_str()),
            ("actor", ACTOR),
            ("statistics", dataset::statistics()),
            ("changes", &changes),
            ("name", name),
            ("creation", &creation),
        ];
        let mut command = Command::new(program());
        command
            .args(FLAGS)
            .arg(format!("--file={SCRIPT}"))
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={threads}"))
            .arg(format!("--time={seconds}"))
            .args(variables.map(|(name, value)| format!("--define={name}={value}")))
            .args([OsStr::new("--host"), postgres.socket().as_os_str()])
            .arg(format!("--port={}", postgres.port()))
            .arg(format!("--username={SERVICE_ROLE}"))
            .arg(&database.name)
            .env("PGOPTIONS", SESSION)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().context("pgbench did not start; PGBENCH names its path")?;
        Ok(Self { child })
    }

    /// The signal of its own time limit: transactions in flight end, and the log is written.
    fn end(&self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::ALARM)?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn program() -> OsString {
    std::env::var_os("PGBENCH").unwrap_or_else(|| "pgbench".into())
}

fn clock_micros() -> i64 {
    SystemClock.now().date_time().timestamp_micros()
}

fn wait(time: Duration) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        interrupt::check()?;
        std::thread::sleep((time - begun.elapsed().min(time)).min(Duration::from_millis(50)));
    }
    Ok(())
}

/// A line a transaction: client, number, latency in µs, script, and when it ended, in seconds and µs.
fn read_logs(folder: &Path, window: std::ops::Range<i64>, slice: &mut Slice) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("pgbench_log.") {
            continue;
        }
        for line in BufReader::new(fs::File::open(&path)?).lines() {
            let line = line?;
            let fields: Vec<i64> = line.split(' ').filter_map(|field| field.parse().ok()).collect();
            let [_, _, latency, _, seconds, micros] = fields[..] else {
                bail!("a line of pgbench's log that is not understood: {line}");
            };
            slice.acknowledged += 1;
            if window.contains(&(seconds * 1_000_000 + micros)) {
                slice.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
            }
        }
    }
    slice.latencies.sort_unstable();
    Ok(())
}
