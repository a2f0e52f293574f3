//! valgrind's tool callgrind, which counts instructions.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// Counts the instructions of one process, from [`begin`](Self::begin) to [`end`](Self::end).
pub(crate) struct Callgrind {
    output: PathBuf,
}

impl Callgrind {
    /// Fails with what to do if valgrind is missing.
    pub(crate) fn check_installed() -> anyhow::Result<()> {
        let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
        ensure!(
            version.is_ok_and(|status| status.success()),
            "valgrind counts the instructions and is not installed; on Debian: apt-get install valgrind"
        );
        Ok(())
    }

    /// Keeps its output in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { output: folder.join("callgrind.out") }
    }

    /// The command that runs a process under callgrind, which does not count yet.
    pub(crate) fn command(&self) -> Vec<OsString> {
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(&self.output);
        let options = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"];
        options.into_iter().map(OsString::from).chain([file]).collect()
    }

    /// Begins to count.
    pub(crate) fn begin(&self, process: u32) -> anyhow::Result<()> {
        switch(process, "on")
    }

    /// Stops to count.
    pub(crate) fn end(&self, process: u32) -> anyhow::Result<()> {
        switch(process, "off")
    }

    /// The file of the result, after the process has ended.
    pub(crate) fn output(&self) -> &Path {
        &self.output
    }

    /// The number of instructions, after the process has ended.
    pub(crate) fn counted(&self) -> anyhow::Result<u64> {
        total(&self.output)
    }
}

/// The number of instructions in a result of callgrind.
pub(crate) fn total(result: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(result).context("callgrind has written no result")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("the result of callgrind has no total")?.trim().parse()?)
}

fn switch(process: u32, state: &str) -> anyhow::Result<()> {
    let mut command = Command::new("callgrind_control");
    let status = command
        .args(["-i", state, &process.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "callgrind_control failed: {status}");
    Ok(())
}
