//! `flowruns completions` and `flowruns man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    exit::{Exit, Failure},
    print::write,
};

const PROGRAM: &str = "flowruns";

/// The shell.
#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The page.
#[derive(Args, Debug)]
pub struct ManArguments {
    /// A command, such as `report start` [default: the page about the program]
    #[arg(conflicts_with = "output")]
    command: Vec<String>,
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(crate) fn completions(
    arguments: &CompletionsArguments,
    program: &clap::Command,
) -> Result<Exit, Failure> {
    let mut program = without_hidden_commands(program);
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, PROGRAM, &mut script);
    write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// The scripts of some shells suggest hidden commands too.
fn without_hidden_commands(program: &clap::Command) -> clap::Command {
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    clap::Command::new(PROGRAM)
        .about(program.get_about().cloned().unwrap_or_default())
        .version(env!("CARGO_PKG_VERSION"))
        .args(program.get_arguments().cloned())
        .subcommands(commands)
}

pub(crate) fn man(arguments: &ManArguments, mut program: clap::Command) -> Result<Exit, Failure> {
    if let Some(folder) = &arguments.output {
        let failed = |error| Failure::new(Exit::Failed, format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(program, folder).map_err(failed)?;
        return Ok(Exit::Done);
    }
    program.build();
    let mut command = &program;
    for name in &arguments.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            Failure::usage(format!("{} has no command {name:?}", command.get_name()))
        })?;
    }
    let mut page = Vec::new();
    let failed = |error| Failure::new(Exit::Failed, format!("the page cannot be made: {error}"));
    Man::new(command.clone()).render(&mut page).map_err(failed)?;
    write(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}
