//! The binary `flowruns`: serves the API, migrates and checks the database, mints tokens of the local key, and has the
//! commands that report and read runs.

mod admin;
mod commands;
mod config;
mod dashboard;
mod data_folder;
mod database;
mod database_url;
mod issuers;
mod local_key;
mod metrics;
mod shared_secret;
mod shutdown;
mod sign_in;
mod startup_message;
mod tasks;
mod telemetry;

use std::{env, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    commands::{check, client, migrate, open, openapi, serve, token},
    config::{LogSettings, OpenSettings, Settings, StorageSettings, TokenSettings},
};

/// A report consists of many small values that are allocated in one thread and freed in another, where the system's allocator
/// is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records every run of every data flow.
#[derive(Parser)]
#[command(name = "flowruns", version)]
struct Arguments {
    /// A file that overrides the defaults; also FLOWRUNS_CONFIG.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (also without a command).
    Serve,
    /// Show or change the schema of the database.
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Show the configuration without secrets, and check the issuers and the database.
    Check,
    /// Print the OpenAPI document.
    Openapi,
    /// Mint a token of the local key and print it.
    Token(token::TokenArguments),
    /// Print a link that opens the dashboard once, and open it in a browser.
    Open(open::OpenArguments),
    #[command(flatten)]
    Client(flowruns_cli::Command),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // If the terminal has gone, there is nobody to read it.
            let _printed = error.print();
            return flowruns_cli::usage_exit_code(&error, env::args_os()).into();
        }
    };
    match run(arguments) {
        Ok(exit) => exit,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the message of a failed command")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs a command. Each loads only the settings that it needs.
fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.config.as_deref();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Client(command) => {
            let folder = client::DataFolder::new(file);
            return Ok(flowruns_cli::run(command, &folder, Arguments::command).into());
        }
        Command::Openapi => openapi::run(),
        Command::Token(arguments) => token::run(&TokenSettings::load(file)?, &arguments),
        Command::Open(arguments) => open::run(&OpenSettings::load(file)?, &arguments),
        Command::Migrate(command) => {
            let settings = StorageSettings::load(file)?;
            let migrate = migrate::run(&settings, &command);
            block_on(&settings.log, 1, migrate)
        }
        Command::Serve => {
            let settings = Settings::load(file)?;
            let serve = serve::run(&settings);
            block_on(&settings.log, settings.worker_threads(), serve)
        }
        Command::Check => {
            let settings = Settings::load(file)?;
            block_on(&settings.log, 1, check::run(&settings))
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A thread looks for data on its sockets after this number of turns of its scheduler. A turn polls at least one task, and a poll may
/// handle a whole request or response, which takes up to 50 µs. With tokio's default of 61, PostgreSQL's response to a batch waited for
/// milliseconds, while PostgreSQL was idle.
const TURNS_PER_EVENT_CHECK: u32 = 4;

fn block_on(
    log: &LogSettings,
    worker_threads: usize,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let _log = telemetry::start(log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads)
        .event_interval(TURNS_PER_EVENT_CHECK)
        .enable_all()
        .build()?;
    let done = runtime.block_on(command);
    telemetry::stop();
    // After a second signal, do not wait for blocking calls.
    runtime.shutdown_background();
    done
}
