//! What an attack costs: resident memory, the latency of `/livez`, and the requests of others that were rejected.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use flowruns_testing::harness::{DEADLINE, ProcessMemory};

use crate::{other_caller::Outcomes, server::Server};

const KIB_PER_MIB: u64 = 1024;
/// The memory that the process may hold beyond `limits.bytes`, in MiB. The code of a debug build alone takes 16 MiB more than
/// that of a release build.
const BEYOND_LIMIT_MIB: u64 = if cfg!(debug_assertions) { 80 } else { 64 };
/// The bound of the latency of nearly all probes, also on a slow machine. A few may take longer: the kernel repeats the opening
/// of a connection after 1, 3 and 7 seconds, when a thousand others are opened at the same moment.
const LONGEST_PROBE: Duration = Duration::from_secs(5);
/// One probe in this many may take longer.
const FEW_PROBES: usize = 50;
/// The bound of every probe, where `FLOWRUNS_ATTACKS_STRICT` is set.
const LONGEST_STRICT_PROBE: Duration = Duration::from_millis(250);
/// Between two probes, and two readings of the memory.
const INTERVAL: Duration = Duration::from_millis(25);
/// Points of the memory curve that are printed.
const POINTS: usize = 12;
/// `clear_refs` of Linux: the peak of the resident memory is reset to the current value.
const RESET_PEAK: &str = "5";

/// Threads that measure, so that the clients in this process do not delay them.
pub(crate) struct Watch {
    pid: u32,
    idle_kib: u64,
    bound_kib: u64,
    begun: Instant,
    is_over: Arc<AtomicBool>,
    probes: JoinHandle<Vec<Probe>>,
    curve: JoinHandle<Vec<u64>>,
}

/// The response to `/livez` on a new connection; no response is status 0.
struct Probe {
    status: u16,
    latency: Duration,
}

pub(crate) struct Measurement {
    name: &'static str,
    connections: usize,
    duration: Duration,
    idle_kib: u64,
    peak_kib: u64,
    bound_kib: u64,
    curve_mib: Vec<u64>,
    probes: Vec<Probe>,
    /// Of another tenant, and of another application of the attacker's tenant.
    others: [Outcomes; 2],
    has_ended: bool,
}

impl Watch {
    pub(crate) fn start(server: &Server) -> Self {
        let (pid, address) = (server.process.pid(), server.process.address());
        fs::write(format!("/proc/{pid}/clear_refs"), RESET_PEAK).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (until_probed, until_read) = (Arc::clone(&is_over), Arc::clone(&is_over));
        Self {
            pid,
            idle_kib: resident_kib(pid),
            bound_kib: server.limit_bytes / 1024 + BEYOND_LIMIT_MIB * KIB_PER_MIB,
            begun: Instant::now(),
            is_over,
            probes: thread::spawn(move || repeat(&until_probed, || Probe::send(address))),
            curve: thread::spawn(move || repeat(&until_read, || resident_kib(pid))),
        }
    }

    pub(crate) fn finish(
        self,
        name: &'static str,
        connections: usize,
        others: [Outcomes; 2],
        has_ended: bool,
    ) -> Measurement {
        self.is_over.store(true, Relaxed);
        let mut probes = self.probes.join().unwrap();
        probes.sort_by_key(|probe| probe.latency);
        Measurement {
            name,
            connections,
            duration: self.begun.elapsed(),
            idle_kib: self.idle_kib,
            peak_kib: ProcessMemory::of(self.pid).map_or(0, |memory| memory.peak / 1024),
            bound_kib: self.bound_kib,
            curve_mib: thinned(&self.curve.join().unwrap()),
            probes,
            others,
            has_ended,
        }
    }
}

impl Probe {
    fn send(address: SocketAddr) -> Self {
        let begun = Instant::now();
        Self { status: livez(address).unwrap_or_default(), latency: begun.elapsed() }
    }
}

impl Measurement {
    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub(crate) fn print(&self) {
        static HEAD: Once = Once::new();
        HEAD.call_once(|| {
            println!(
                "\n| attack | connections | seconds | idle MiB | peak MiB | bound MiB | /livez p50/p99/max ms | other tenant ok/rejected | other application ok/rejected | resident MiB over time |\n|---|---|---|---|---|---|---|---|---|---|"
            );
        });
        let mib = |kib: u64| kib / KIB_PER_MIB;
        println!(
            "| {} | {} | {:.1} | {} | {} | {} | {}/{}/{} | {} | {} | {:?} |",
            self.name,
            self.connections,
            self.duration.as_secs_f64(),
            mib(self.idle_kib),
            mib(self.peak_kib),
            mib(self.bound_kib),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.others[0],
            self.others[1],
            self.curve_mib,
        );
    }

    /// Everything that must hold under each attack.
    pub(crate) fn assert_harmless(&self) {
        self.assert_bounded(0);
    }

    /// The same, but a share of the requests beside the attack may be rejected, and as many of the probes, in percent.
    pub(crate) fn assert_bounded(&self, max_rejected: usize) {
        let faults = self.faults(max_rejected);
        assert!(faults.is_empty(), "{}: {faults:#?}", self.name);
    }

    fn faults(&self, max_rejected: usize) -> Vec<String> {
        let mut faults = self.faults_of_probes(max_rejected);
        if !self.has_ended {
            faults.push(format!("connections are still open after {DEADLINE:?}"));
        }
        if self.peak_kib > self.bound_kib {
            let (peak, bound) = (self.peak_kib, self.bound_kib);
            faults.push(format!("{peak} KiB resident, bound {bound}"));
        }
        for others in &self.others {
            if others.rejected() * 100 > max_rejected * (others.rejected() + others.accepted()) {
                faults.push(format!("requests beside it: {others:?}"));
            }
        }
        faults
    }

    fn faults_of_probes(&self, max_rejected: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let failed = self.probes.iter().filter(|probe| probe.status != 200);
        let failed: Vec<u16> = failed.map(|probe| probe.status).collect();
        if failed.len() * 100 > max_rejected * self.probes.len() {
            faults.push(format!("/livez got the responses {failed:?}"));
        }
        let (longest, few) = if crate::is_strict() {
            (LONGEST_STRICT_PROBE, 0)
        } else {
            (LONGEST_PROBE, self.probes.len() / FEW_PROBES + 1)
        };
        let late = self.probes.iter().filter(|probe| probe.latency > longest);
        let late: Vec<Duration> = late.map(|probe| probe.latency).collect();
        if late.len() > few {
            faults.push(format!("/livez took {late:?}"));
        }
        faults
    }

    /// Of the latencies of the probes, in milliseconds.
    fn percentile(&self, percent: usize) -> u128 {
        let last = self.probes.len().saturating_sub(1);
        let probe = self.probes.get(last * percent / 100);
        probe.map_or(0, |probe| probe.latency.as_millis())
    }
}

/// What was measured at every interval, once at least.
fn repeat<T>(is_over: &AtomicBool, measure: impl Fn() -> T) -> Vec<T> {
    let mut measured = vec![measure()];
    while !is_over.load(Relaxed) {
        thread::sleep(INTERVAL);
        measured.push(measure());
    }
    measured
}

fn livez(address: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(status.unwrap_or_default())
}

/// Resident memory now, in KiB; 0 when the process has ended.
fn resident_kib(pid: u32) -> u64 {
    ProcessMemory::of(pid).map_or(0, |memory| memory.resident / 1024)
}

/// The highest of each part, in MiB.
fn thinned(curve_kib: &[u64]) -> Vec<u64> {
    let parts = curve_kib.chunks(curve_kib.len().div_ceil(POINTS));
    parts.filter_map(|part| part.iter().max()).map(|kib| kib / KIB_PER_MIB).collect()
}
