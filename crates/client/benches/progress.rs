//! How long a call of `Run::progress` takes, without a network: `cargo bench -p flowruns-client --bench progress -- --measure`
//!
//! The limit is 50 µs for a few counters, as jobs report them. Larger statistics are shown beside it: their time grows with their size,
//! because each call checks the size of all statistics of the run.

#![expect(clippy::print_stdout, reason = "the figures are what the command is for")]

use std::{
    env,
    error::Error,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use flowruns_client::{Client, FixedToken, FlowId, JobError, Run, RunId, Transport};
use http::{Request, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};

const LIMIT: Duration = Duration::from_micros(50);

/// A server that accepts every report at once.
struct Accepting;

#[async_trait]
impl Transport for Accepting {
    async fn send(&self, _request: Request<Bytes>) -> Result<Response<Bytes>, JobError> {
        let response = Response::builder().status(204).header("OData-Version", "4.0");
        Ok(response.body(Bytes::new())?)
    }
}

#[derive(Serialize)]
struct Counts<'a> {
    read: u64,
    written: u64,
    dropped: u64,
    seconds: f64,
    file: &'a str,
}

/// An object with this many members, and the number in each.
fn members(count: usize, number: u64) -> Value {
    let members = (0..count).map(|index| (format!("table{index:04}"), json!({"rows": number})));
    Value::Object(members.collect::<Map<_, _>>())
}

/// The mean time of a call, and the time that 99 of 100 calls need at most.
fn measure(
    calls: u32,
    mut call: impl FnMut(u64) -> Result<(), JobError>,
) -> Result<[Duration; 2], JobError> {
    let mut times = Vec::new();
    for number in 0..calls {
        let begun = Instant::now();
        call(u64::from(number))?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let mean = times.iter().sum::<Duration>() / calls;
    let index = times.len() * 99 / 100;
    Ok([mean, times.get(index).copied().unwrap_or_default()])
}

fn show(what: &str, [mean, most]: [Duration; 2]) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{what:<48} mean {:>8.1} µs   p99 {:>8.1} µs", micros(mean), micros(most));
}

fn start(client: &Client) -> Result<Run, JobError> {
    let flow: FlowId = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse()?;
    let run: RunId = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f".parse()?;
    Ok(client.flow_by_id(flow).adopt_detached(run))
}

fn main() -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    if !env::args().any(|argument| argument == "--measure") {
        println!("not measured; add -- --measure");
        return Ok(ExitCode::SUCCESS);
    }
    let client = Client::builder("http://127.0.0.1:1".parse()?).tokens(FixedToken::new("t")?);
    let client = client.transport(Accepting).build()?;

    let run = start(&client)?;
    let usual = measure(200_000, |number| {
        let counts =
            Counts { read: number, written: number / 2, dropped: 3, seconds: 0.5, file: "a.csv" };
        Ok(run.progress(black_box(&counts))?)
    })?;
    show("5 members", usual);
    let run = start(&client)?;
    // Made before, because a job has its value already.
    let values: Vec<_> = (0..100).map(|number| members(30, number)).collect();
    let mut next = values.iter().cycle();
    let tables = measure(20_000, |_| Ok(run.progress(&black_box(next.next()))?))?;
    show("30 members with an object each", tables);
    let run = start(&client)?;
    let one = measure(2_000, |number| {
        let member = format!("table{:04}", number % 2000);
        Ok(run.progress(&json!({member: {"rows": number}}))?)
    })?;
    show("1 member each time, up to 2000 (48 KB)", one);
    let run = start(&client)?;
    let values = [members(2000, 0), members(2000, 1)];
    let mut next = values.iter().cycle();
    let full = measure(200, |_| Ok(run.progress(&black_box(next.next()))?))?;
    show("2000 members (48 KB)", full);

    let [mean, _] = usual;
    let is_fast = mean <= LIMIT;
    println!(
        "limit {} µs for the first: {}",
        LIMIT.as_micros(),
        if is_fast { "kept" } else { "exceeded" }
    );
    Ok(if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
