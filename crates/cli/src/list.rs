//! `flowruns list`.

use clap::Args;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
};

#[derive(Args, Debug)]
pub struct ListArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) fn run(arguments: &ListArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    arguments.connection.client(local)?;
    Ok(Exit::Done)
}
