//! Every SQL text that the crate can send is prepared on a migrated database, and no text is missing here.

mod queries;
mod writer_plans;

use std::{collections::BTreeMap, fs, path::Path};

use flowruns_domain::query::CountLimit;
use flowruns_testing::scratch::ScratchDatabase;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};

use crate::{
    connect, dashboard, dedicated_connection, flows, history, idempotency, migrate, query, runs,
    schema_status, writer,
};

macro_rules! statements {
    ($($path:path),+ $(,)?) => { vec![$((stringify!($path).replace(' ', ""), &*$path as &str)),+] };
}

/// The texts that are constant, by their paths in the crate.
fn constant_statements() -> Vec<(String, &'static str)> {
    statements![
        connect::DURABILITY,
        dedicated_connection::CHECK_CLIENT,
        dedicated_connection::IS_READ_ONLY,
        dedicated_connection::WAIT_FOR_FLUSH,
        flows::CREATE,
        flows::DELETE,
        flows::EXISTS,
        flows::FIND,
        flows::HAS_RUNS,
        flows::UPDATE,
        history::CHUNK,
        history::TIMES,
        idempotency::FIND,
        idempotency::FORGET,
        idempotency::CLAIM,
        idempotency::KEEP,
        idempotency::RELEASE,
        idempotency::REPLACE,
        idempotency::TAKE_OVER,
        migrate::APPLIED,
        migrate::GRANTS,
        migrate::HAS_MIGRATIONS,
        migrate::SERVER_ENCODING,
        query::documents::DOCUMENTS,
        query::flows::FIND_LISTED,
        runs::EXISTS,
        runs::FIND,
        runs::FLOWS_OF_ID,
        runs::IS_DELETED,
        schema_status::PARTITIONS,
        schema_status::STATE,
        writer::locked_update::BEGIN,
        writer::locked_update::COMMIT,
        writer::locked_update::LOCK,
        writer::outcomes::EVENT_EXISTS,
        writer::statements::CREATE,
        writer::statements::CREATE_ONE,
        writer::statements::READ,
        writer::statements::READ_ONE,
        writer::statements::WRITE,
        writer::statements::WRITE_ONE,
        writer::statements::WRITE_ONE_UNLOCKED,
        writer::statements::WRITE_UNLOCKED,
        writer::statements::WRITE_UNLOCKED_WITH_EARLIER,
        writer::statements::WRITE_WITH_EARLIER,
    ]
}

/// Texts that are built. `query` builds those of lists and `dashboard` those of the dashboard, which the last test explains; the
/// others are an EXPLAIN of a constant text, and the creation of a partition.
const BUILT: [(&str, &str, usize); 12] = [
    ("dashboard::errors", "Builder::new(", 1),
    ("dashboard::events", "Builder::new(", 1),
    ("dashboard::members", "Builder::new(", 1),
    ("dashboard::neighbours", "Builder::new(", 1),
    ("dashboard::recent", "Builder::new(", 1),
    ("dashboard::tally", "Builder::new(", 1),
    ("dashboard::window", "Builder::new(", 1),
    ("migrate", "AssertSqlSafe(", 1),
    ("query::flows", "AssertSqlSafe(", 1),
    ("query::ids", "Builder::new(", 2),
    ("query::scan", "AssertSqlSafe(", 1),
    ("query::scan", "Builder::new(", 2),
];

/// The sources of the crate without their tests, by module.
fn sources() -> BTreeMap<String, String> {
    fn collect(folder: &Path, prefix: &str, sources: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let module = format!("{prefix}{name}");
            if path.is_dir() {
                collect(&path, &format!("{module}::"), sources);
            } else if !module.starts_with("statement_tests") {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
                sources.insert(module, code.to_owned());
            }
        }
    }
    let mut sources = BTreeMap::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

/// The first argument of each call of a function of sqlx that takes a text.
fn arguments(source: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    for function in ["sqlx::query", "sqlx::raw_sql"] {
        for (start, _) in source.match_indices(function) {
            let call = &source[start + function.len()..];
            let call = call.trim_start_matches(|c: char| c == '_' || c.is_ascii_lowercase());
            let is_type = call.starts_with("::") && !call.starts_with("::<");
            if is_type {
                continue;
            }
            let (_, argument) = call.split_once('(').unwrap();
            let end = argument.find([')', ',', '.', '(']).unwrap();
            arguments.push(argument[..end].trim().to_owned());
        }
    }
    arguments
}

#[test]
fn every_text_that_is_sent_is_listed_here() {
    let mut sent = Vec::new();
    for (module, source) in sources() {
        for function in ["query_as(", "query_scalar(", "raw_sql(", "query_as::<"] {
            for (start, _) in source.match_indices(function) {
                let before = &source[..start];
                let is_seen = before.ends_with("sqlx::") || before.ends_with("build_");
                assert!(is_seen, "{module}: call {function} with the prefix sqlx::");
            }
        }
        assert!(!source.contains("Executor"), "{module}: use sqlx::query");
        let constants = arguments(&source);
        let constants = constants.iter().filter(|text| !text.ends_with("AssertSqlSafe"));
        sent.extend(constants.map(|constant| format!("{module}::{constant}")));
        for built in ["AssertSqlSafe(", "Builder::new("] {
            let count = source.matches(built).count();
            let expected = BUILT.iter().find(|(of, kind, _)| (*of, *kind) == (&*module, built));
            let expected = expected.map_or(0, |(_, _, count)| *count);
            assert_eq!(count, expected, "{built} in {module}");
        }
    }
    sent.sort();
    sent.dedup();
    let listed = constant_statements().into_iter().map(|(path, _)| path);
    let mut listed: Vec<String> = listed.collect();
    listed.sort();
    assert_eq!(sent, listed);
}

async fn connection() -> PgConnection {
    let database = ScratchDatabase::create().await;
    let service = PgConnection::connect_with(&database.service()).await;
    service.unwrap()
}

#[tokio::test]
async fn every_constant_statement_can_be_prepared() {
    let mut connection = connection().await;
    for (path, text) in constant_statements() {
        for statement in separate(text) {
            let prepared =
                connection.prepare(AssertSqlSafe(statement.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{path}: {:?}\n{statement}", prepared.err());
        }
    }
}

/// The statements of a text. Texts without parameters, which are sent unprepared, may hold several.
fn separate(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    let statements = lines.collect::<Vec<_>>().join("\n");
    let statements = statements.split(';').map(str::trim);
    statements.filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// EXPLAIN prepares a statement with the types of its parameters, and plans it.
#[tokio::test]
async fn every_statement_that_is_built_can_be_planned() {
    let mut connection = connection().await;
    let limit = CountLimit::new(10).unwrap();
    let runs = queries::runs();
    let runs = runs.iter().flat_map(|query| query::runs::statements(query, limit, "EXPLAIN "));
    let flows = queries::flows();
    let flows = flows.iter().flat_map(|query| query::flows::statements(query, limit, "EXPLAIN "));
    let of_dashboard = queries::of_dashboard();
    let of_dashboard = of_dashboard
        .iter()
        .map(|query| dashboard::explain::statement("EXPLAIN ", query, Default::default()));
    let mut planned = 0;
    for mut statement in runs.chain(flows).chain(of_dashboard) {
        let text = statement.sql().as_str().to_owned();
        let plan = statement.build().persistent(false);
        let plan = plan.fetch_all(&mut connection).await;
        assert!(plan.is_ok(), "{:?}\n{text}", plan.err());
        planned += 1;
    }
    assert!(planned > 1000, "{planned}");
}
