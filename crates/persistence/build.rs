//! Rebuilds the crate when a migration is added: the macro that embeds the migrations tracks only the existing files.

#![expect(
    clippy::print_stdout,
    reason = "cargo reads the output of a build script"
)]

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
