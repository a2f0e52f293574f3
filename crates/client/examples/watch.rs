//! Lists the last runs of a flow, and watches the newest until it ends: `cargo run -p flowruns-client --example watch -- "Nightly
//! rosters"`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{env, error::Error};

use flowruns_client::{Client, RunQuery};
use futures_util::{StreamExt as _, TryStreamExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let name = env::args().nth(1).ok_or("the name or the id of a flow is missing")?;
    let flow = client.flow(&name).await?;

    // The stream would follow all pages; `take` ends it.
    let rows = flow.runs(&RunQuery::new().page_size(5)).take(5);
    let rows: Vec<_> = rows.try_collect().await?;
    for row in &rows {
        println!("{} {} {}", row.start, row.status, row.display_name);
    }
    if let Some(newest) = rows.first() {
        let mut changes = Box::pin(client.watch(newest.address));
        while let Some(run) = changes.try_next().await? {
            println!("{} {}", run.status, serde_json::to_string(&run.statistics)?);
        }
    }
    Ok(())
}
