//! Rebuilds the crate when a migration is added: the macro that embeds the migrations tracks only the existing files.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
