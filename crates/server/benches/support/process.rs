//! What the kernel says of processes: CPU and memory.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// The processes of a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processes {
    /// Of flowruns.
    pub(crate) service: u32,
    /// Of the PostgreSQL server; its children count too, those that have ended included.
    pub(crate) postmaster: u32,
    /// Of the load.
    pub(crate) client: u32,
}

/// CPU time so far, or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) service: Duration,
    pub(crate) database: Duration,
    pub(crate) client: Duration,
}

impl Processes {
    /// CPU time of all three so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        Ok(Cpu {
            service: Stat::of(self.service)?.own(),
            database: family(self.postmaster)?,
            client: Stat::of(self.client)?.own(),
        })
    }
}

impl Cpu {
    /// What was used since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            service: self.service.saturating_sub(earlier.service),
            database: self.database.saturating_sub(earlier.database),
            client: self.client.saturating_sub(earlier.client),
        }
    }
}

/// A parent, its living children, and those that it has waited for.
fn family(parent: u32) -> anyhow::Result<Duration> {
    let stat = Stat::of(parent)?;
    let mut ticks = stat.own_ticks + stat.waited_ticks;
    for entry in fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_string_lossy().parse::<u32>();
        // One that ends meanwhile is counted by its parent at the next look.
        let child = pid.ok().and_then(|pid| Stat::of(pid).ok());
        if let Some(child) = child
            && child.parent == parent
        {
            ticks += child.own_ticks;
        }
    }
    Ok(duration(ticks))
}

/// Of /proc/{pid}/stat; times are in ticks of the clock.
struct Stat {
    parent: u32,
    own_ticks: u64,
    waited_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} has ended"))?;
        // The second field is the name in parentheses, and may hold blanks.
        let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let number = |index: usize| {
            let field = fields.split(' ').nth(index).unwrap_or_default();
            field.parse::<u64>().context("/proc has another format")
        };
        Ok(Self {
            parent: u32::try_from(number(1)?)?,
            own_ticks: number(11)? + number(12)?,
            waited_ticks: number(13)? + number(14)?,
        })
    }

    fn own(&self) -> Duration {
        duration(self.own_ticks)
    }
}

fn duration(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / per_second)
}

/// Resident memory of a process in KiB: now, and at most so far.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        number.context("/proc has another format")
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}
