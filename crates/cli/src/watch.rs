//! `flowruns watch`.

use clap::Args;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
};

#[derive(Args, Debug)]
pub struct WatchArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) fn run(arguments: &WatchArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    arguments.connection.client(local)?;
    Ok(Exit::Done)
}
