//! CPU time of processes, as the kernel reports it.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// The processes of a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processes {
    /// The process of flowruns.
    pub(crate) service: u32,
    /// The PostgreSQL server; its children count too, including those that have ended.
    pub(crate) postmaster: u32,
    /// The process of the load.
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
        // A process that ends meanwhile is counted by its parent at the next reading.
        let child = pid.ok().and_then(|pid| Stat::of(pid).ok());
        if let Some(child) = child
            && child.parent == parent
        {
            ticks += child.own_ticks;
        }
    }
    Ok(duration(ticks))
}

/// A part of /proc/{pid}/stat; times are in ticks of the clock.
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
