//! The memory of a process.

use std::fs;

/// Resident memory, in bytes, as `/proc/PID/status` has it.
#[derive(Clone, Copy, Debug)]
pub struct ProcessMemory {
    /// `VmRSS`: now.
    pub resident: u64,
    /// `VmHWM`: the highest so far.
    pub peak: u64,
}

impl ProcessMemory {
    /// None when the process has ended.
    pub fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = value.trim().trim_end_matches(" kB").parse().ok()?;
            Some(kib * 1024)
        };
        Some(Self { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}
