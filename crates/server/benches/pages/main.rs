//! The pages of the dashboard on a large database: time, bytes on the wire, statements and CPU time for each page.
//!
//! `cargo bench -p flowruns-server --bench pages -- --full`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it found"
)]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod support;

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::{Parser, value_parser};
use flowruns_domain::{
    clock::{Clock as _, SystemClock},
    timestamp::Timestamp,
};
use flowruns_testing::harness::{Binary, ServerProcess};
use reqwest::{
    Client,
    header::{ACCEPT_ENCODING, COOKIE, SET_COOKIE},
    redirect::Policy,
};
use support::{
    dataset::{Dataset, flow_id, run_id},
    loading,
    postgres::{Database, HISTORY_SPAN, Postgres, Setting},
    print_machine,
    process::Processes,
    service,
};

const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// The loaded runs are in progress and were created in eight days a month ago. Now they start in the last `days` days and end
/// within 17 minutes: 95 % completed, 1 % failed.
fn endings(days: u32) -> String {
    format!(
        r#"
    UPDATE runs SET
        start_at = drawn.start_at,
        end_at = drawn.start_at + drawn.share * interval '1 second',
        status = CASE
            WHEN drawn.share < 950 THEN 'completed' WHEN drawn.share < 975 THEN 'completedWithWarnings'
            WHEN drawn.share < 990 THEN 'completedWithErrors' ELSE 'failed' END,
        blocking_error = CASE WHEN drawn.share >= 990 THEN '{{"code":"sourceUnreachable","message":"the source did not respond"}}'::json END
    FROM (
        SELECT flow_id, id, abs(hashtext(id::text)) % 1000 AS share,
            now() - ((SELECT max(created_at) FROM runs) - created_at) * {days} / {loaded} AS start_at
        FROM runs
    ) AS drawn
    WHERE runs.flow_id = drawn.flow_id AND runs.id = drawn.id"#,
        loaded = HISTORY_SPAN.as_secs() / 86_400,
    )
}

const STATEMENTS: &str = "
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = 'flowruns_service'::regrole";

/// Measures pages.
#[derive(Parser)]
struct Arguments {
    /// Everything with the defaults: about eight minutes.
    #[arg(long)]
    full: bool,
    /// How many runs there are.
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// In how many flows they are.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u64).range(1..))]
    flows: u64,
    /// In how many days the runs started; with several numbers the pages are measured for each. 208 is a run an hour in 200 flows
    /// of 5,000 runs, and 8 is one every two minutes.
    #[arg(long, value_delimiter = ',', default_values_t = [208, 8], value_parser = value_parser!(u32).range(1..))]
    days: Vec<u32>,
    /// Only the pages whose names contain this text, such as `timeline`.
    #[arg(long, default_value = "")]
    only: String,
    /// How often each page is requested, one request after the other.
    #[arg(long, default_value_t = 300, value_parser = value_parser!(u32).range(1..))]
    requests: u32,
    /// The argument that cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    if support::has_no_arguments() {
        println!("`cargo bench -p flowruns-server --bench pages -- --full` measures the pages");
        return Ok(());
    }
    let arguments = Arguments::parse();
    let settings = [Setting::from_str("shared_preload_libraries=pg_stat_statements")?];
    let postgres = Postgres::start(1, &settings)?;
    print_machine("pages", &postgres.version()?);
    let mut database = postgres.create("pages")?;
    let dataset = Dataset::new(arguments.runs, arguments.flows);
    eprintln!("loading {} runs", dataset.runs);
    loading::load(&mut database, dataset)?;
    database.execute("CREATE EXTENSION pg_stat_statements")?;
    for days in &arguments.days {
        eprintln!("spreading the runs over {days} days");
        for statement in [&*endings(*days), "VACUUM (ANALYZE)", "CHECKPOINT"] {
            database.execute(statement)?;
        }
        print_table(*days, dataset, &mut database, &arguments)?;
    }
    Ok(())
}

/// Measures the pages while the runs started in this number of days.
fn print_table(
    days: u32,
    dataset: Dataset,
    database: &mut Database<'_>,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let server = service::start(database, None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reader = Reader::sign_in(&runtime, &server)?;
    println!(
        "\n| {} runs in {} flows, {days} days | p50 ms | p99 ms | KiB on the wire | statements | CPU ms of the service | of the database |",
        dataset.runs, dataset.flows
    );
    println!("|---|---|---|---|---|---|---|");
    let processes = Processes {
        service: server.pid(),
        postmaster: database.postgres.pid(),
        client: std::process::id(),
    };
    let pages = pages(dataset, days)?.into_iter();
    for (name, path) in pages.filter(|(name, _)| name.contains(&arguments.only)) {
        print_row(name, &path, (&reader, processes), database, arguments.requests)?;
    }
    Ok(())
}

fn pages(dataset: Dataset, days: u32) -> anyhow::Result<Vec<(&'static str, String)>> {
    let run = dataset.runs - dataset.runs % dataset.flows;
    // Of the same flow.
    let first = run % dataset.flows + dataset.flows;
    let half = Duration::from_secs(u64::from(days) * 86_400 / 2);
    let days_ago = Timestamp::new(SystemClock.now().date_time() - half)?;
    let flow = format!("/ui/flows/{}", flow_id(dataset.flow_of(run)));
    Ok(vec![
        ("overview", "/ui".to_owned()),
        ("overview, attention", "/ui?show=attention".to_owned()),
        ("flow", flow.clone()),
        ("flow, 200 runs, failed", format!("{flow}?last=200&status=failed")),
        ("flow, 200 runs, by end", format!("{flow}?last=200&order=ended")),
        ("run", format!("{flow}/runs/{}", run_id(run))),
        (
            "run, against one of the first",
            format!("{flow}/runs/{}?against={}", run_id(run), run_id(first)),
        ),
        ("runs", "/ui/runs".to_owned()),
        ("failed runs of a day", "/ui/runs?status=failed&since=24h".to_owned()),
        ("timeline", "/ui/timeline".to_owned()),
        ("timeline, 3 days", "/ui/timeline?hours=72".to_owned()),
        ("timeline, 3 days in the past", format!("/ui/timeline?hours=72&to={days_ago}")),
    ])
}

/// A person who is signed in.
struct Reader<'a> {
    runtime: &'a tokio::runtime::Runtime,
    server: &'a ServerProcess,
    http: Client,
    cookie: String,
}

impl<'a> Reader<'a> {
    fn sign_in(
        runtime: &'a tokio::runtime::Runtime,
        server: &'a ServerProcess,
    ) -> anyhow::Result<Self> {
        let mut command = FLOWRUNS.command(server.folder());
        let output = command.args(["open", "--print", "--url", &server.url("")]).output()?;
        let link = String::from_utf8(output.stdout)?;
        let http = Client::builder().redirect(Policy::none()).build()?;
        let response = runtime.block_on(http.get(link.trim()).send())?;
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let pairs = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookie = pairs.collect::<Vec<_>>().join("; ");
        ensure!(!cookie.is_empty(), "the link {link} gave no cookie");
        Ok(Self { runtime, server, http, cookie })
    }

    /// The time until the whole response has arrived, and its bytes.
    fn read(&self, path: &str) -> anyhow::Result<(Duration, usize)> {
        let request = self.http.get(self.server.url(path));
        let request = request.header(COOKIE, &self.cookie).header(ACCEPT_ENCODING, "gzip");
        self.runtime.block_on(async {
            let begun = Instant::now();
            let response = request.send().await?;
            let status = response.status();
            let bytes = response.bytes().await?.len();
            let time = begun.elapsed();
            ensure!(status.is_success(), "{path}: {status}");
            Ok((time, bytes))
        })
    }
}

fn print_row(
    name: &str,
    path: &str,
    (reader, processes): (&Reader<'_>, Processes),
    database: &mut Database<'_>,
    requests: u32,
) -> anyhow::Result<()> {
    // Once before, so that statements are prepared and pages of the database are in memory.
    let (_, bytes) = reader.read(path)?;
    let before = database.number(STATEMENTS)?;
    let cpu_before = processes.cpu()?;
    let times: anyhow::Result<Vec<_>> = (0..requests).map(|_| Ok(reader.read(path)?.0)).collect();
    let mut times = times?;
    let cpu = processes.cpu()?.since(cpu_before);
    let statements = database.number(STATEMENTS)? - before;
    let each = |cpu: Duration| cpu.as_secs_f64() * 1000.0 / f64::from(requests);
    times.sort_unstable();
    let quantile = |percent: usize| {
        let time = times.get((times.len() - 1) * percent / 100).context("no request")?;
        anyhow::Ok(time.as_secs_f64() * 1000.0)
    };
    println!(
        "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
        quantile(50)?,
        quantile(99)?,
        bytes as f64 / 1024.0,
        statements as f64 / f64::from(requests),
        each(cpu.service),
        each(cpu.database),
    );
    Ok(())
}
