//! `flowruns show`.

use clap::Args;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
};

#[derive(Args, Debug)]
pub struct ShowArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) fn run(arguments: &ShowArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    arguments.connection.client(local)?;
    Ok(Exit::Done)
}
