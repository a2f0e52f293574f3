//! Reports a job as a run: `FLOWRUNS_URL=http://127.0.0.1:8080 FLOWRUNS_TOKEN=$(flowruns token) cargo run -p flowruns-client
//! --example report`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{error::Error, time::Duration};

use flowruns_client::{Client, Outcome};
use serde::Serialize;

#[derive(Serialize)]
struct Counts {
    read: u64,
    dropped: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let flow = client.create_flow("Nightly rosters").await?;

    // The job begins at once. An error, a panic or a dropped future is reported as failed.
    let ended = flow
        .run("Rosters of 1 March", async |run| {
            let mut counts = Counts { read: 0, dropped: 0 };
            for number in 0..1000 {
                counts.read += 1;
                if number % 300 == 299 {
                    counts.dropped += 1;
                }
                // Merged, and sent once a second.
                run.progress(&counts)?;
            }
            Ok(if counts.dropped == 0 { Outcome::Completed } else { Outcome::WithErrors(None) })
        })
        .await?;
    println!("{} {}", ended.status, client.run_url(ended.address));

    // Only needed before `std::process::exit`.
    let flushed = client.flush(Duration::from_secs(10)).await;
    println!("{} acknowledged, {} spooled", flushed.acknowledged, flushed.spooled);
    Ok(())
}
