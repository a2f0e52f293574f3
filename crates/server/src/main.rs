//! The binary `flowruns`: serves, migrates, checks, and mints tokens of the local key.

mod commands;
mod config;
mod database;
mod listen;
mod local_key;
mod shutdown;
mod telemetry;
mod welcome;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    commands::{check, migrate, serve, token},
    config::Settings,
};

/// Remembers what every run of every data flow did.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (also without a command).
    Serve,
    /// Look at or change the schema of the database.
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Show the configuration, secrets hidden, and look at the database.
    Check,
    /// Mint a token of the local key and print it.
    Token(token::TokenArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command.unwrap_or(Command::Serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a failed command")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    match command {
        Command::Token(arguments) => token::run(&settings, &arguments),
        Command::Serve => {
            telemetry::start(&settings.log)?;
            runtime()?.block_on(serve::run(settings))
        }
        Command::Migrate(command) => {
            telemetry::start(&settings.log)?;
            runtime()?.block_on(migrate::run(&settings, &command))
        }
        Command::Check => {
            telemetry::start(&settings.log)?;
            runtime()?.block_on(check::run(&settings))
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}
