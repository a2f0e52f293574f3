//! Compresses the debug information that stays in a release binary (line tables and address ranges) to a third. std's
//! backtraces, gdb and perf read it. With `-O2` lld uses a higher level of compression.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-O2,--compress-debug-sections=zlib");
    }
}
