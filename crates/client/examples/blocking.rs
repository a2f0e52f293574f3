//! The same without async, with code that has many exits: `FLOWRUNS_URL=http://127.0.0.1:8080 FLOWRUNS_TOKEN=$(flowruns token)
//! cargo run -p flowruns-client --example blocking`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{error::Error, fs};

use flowruns_client::{BlockingError, ReportError, blocking::Client};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let flow = client.create_flow("Nightly rosters")?;

    // Dropped before an outcome is reported, such as by `?`, the run is reported as failed.
    let run = flow.start("Rosters of 1 March")?;
    let lines = match fs::read_to_string("Cargo.toml") {
        Ok(text) => text.lines().count(),
        Err(error) => {
            run.fail(BlockingError::from_error("unreadable", &error).target("Cargo.toml"))?;
            return Err(error.into());
        }
    };
    match run.complete(json!({"lines": lines})) {
        Ok(ended) => println!("{}", ended.status),
        Err(ReportError::Unknown { spooled: true, .. }) => {
            println!("reported later, from the spool")
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
