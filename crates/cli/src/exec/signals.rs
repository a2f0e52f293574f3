//! Signals: those that `exec` receives, and the one of which its command died.

use std::{fs, io, sync::mpsc::Sender, thread, time::Instant};

use rustix::process::{Resource, Rlimit, Signal, getpid, getrlimit, kill_process, setrlimit};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::{SignalsInfo, exfiltrator::WithOrigin},
    low_level::{
        emulate_default_handler,
        siginfo::{Cause, Origin},
        signal_name,
    },
};

use super::event::Event;

/// The signals that are passed on to the command.
const FORWARDED: [i32; 6] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// A signal that `exec` received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) signal: Signal,
    /// Whether a key of the terminal caused it. Then the kernel has sent it to all processes of the foreground.
    pub(super) is_from_terminal: bool,
    pub(super) at: Instant,
}

/// Receives signals from now on. Those that are ignored stay ignored, for the command too: `nohup flowruns exec` works.
pub(super) fn receive(events: Sender<Event>) -> io::Result<()> {
    let ignored = ignored_signals();
    let forwarded = FORWARDED.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    // While SIGCHLD is ignored, the kernel keeps no exit status. A handler ends that.
    let mut signals = SignalsInfo::<WithOrigin>::new(forwarded.chain([SIGCHLD]))?;
    let forward = move || {
        for origin in &mut signals {
            if let Some(received) = received(&origin)
                && events.send(Event::Signal(received)).is_err()
            {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(forward)?;
    Ok(())
}

fn received(origin: &Origin) -> Option<Received> {
    let signal = Signal::from_named_raw(origin.signal).filter(|signal| *signal != Signal::CHILD)?;
    let is_from_terminal = matches!(origin.cause, Cause::Kernel);
    Some(Received { signal, is_from_terminal, at: Instant::now() })
}

/// The signals that this process ignores, as a set of bits.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}

/// The name of a signal, such as SIGKILL.
pub(super) fn name_of(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// Ends this process by a signal, as the command was ended. Returns the exit code that stands for it, if the process lives on.
pub(super) fn die_by(signal: i32) -> u8 {
    // The command has dumped its core already. A dump of this process would only replace it.
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _limited = setrlimit(Resource::Core, limit);
    let _unknown_to_it = emulate_default_handler(signal);
    // It does not know all signals. The default of the others is in effect here, since nothing handles them.
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _sent = kill_process(getpid(), signal);
    }
    u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
}
