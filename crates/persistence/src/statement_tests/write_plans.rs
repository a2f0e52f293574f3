//! The plans of the statements that write runs, as the sessions of a writer make them.

use flowruns_testing::{
    fixtures::{fresh_flow, fresh_tenant, new_run, origin, run_key},
    scratch::ScratchDatabase,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

use crate::{ConnectOptions, PostgresStore, writer::statements};
use flowruns_domain::store::{FlowStore as _, RunStore as _};

/// The plan of a statement whatever the values of its parameters are.
async fn generic_plan(connection: &mut PgConnection, statement: &str) -> Value {
    let parameters = (1..).take_while(|number| statement.contains(&format!("${number}::")));
    let nulls = vec!["NULL"; parameters.count()].join(", ");
    let prepare = format!("DEALLOCATE ALL; PREPARE write AS {statement}");
    raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE write({nulls})");
    let mut plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(connection)
        .await
        .unwrap();
    plan[0]["Plan"].take()
}

/// The nodes of a plan, each before those that it reads.
fn nodes(plan: &Value) -> Vec<&Value> {
    let inputs = plan["Plans"].as_array().into_iter().flatten();
    [plan].into_iter().chain(inputs.flat_map(nodes)).collect()
}

fn is_scan_of(node: &Value, alias: &str) -> bool {
    node["Alias"] == alias && node["Node Type"].as_str().is_some_and(|kind| kind.ends_with("Scan"))
}

/// Each row of the parameters is looked up in an index, by its whole key.
fn assert_looked_up(run: &Value) {
    assert_eq!(run["Node Type"], "Index Scan", "{run:#}");
    let condition = run["Index Cond"].as_str().unwrap();
    let is_whole_key = ["(flow_id = ", "(id = "].iter().all(|part| condition.contains(part));
    assert!(is_whole_key, "{run:#}");
}

/// The update reads the rows of the parameters in their order and looks up each, so that it locks them in this order. The time limit
/// is set before.
fn assert_in_order(plan: &Value, is_single: bool) {
    let nodes = nodes(plan);
    let update = nodes.iter().find(|node| node["Operation"] == "Update").unwrap();
    let [limit, found] = update["Plans"].as_array().unwrap().as_slice() else {
        panic!("{update:#}");
    };
    assert_eq!(limit["Parent Relationship"], "InitPlan", "{update:#}");
    assert_eq!(found["One-Time Filter"], "($0 IS NOT NULL)", "{update:#}");
    let input = &found["Plans"][0];
    if is_single {
        return assert_looked_up(input);
    }
    assert_eq!(input["Node Type"], "Nested Loop", "{update:#}");
    let [rows, run] = input["Plans"].as_array().unwrap().as_slice() else { panic!("{input:#}") };
    assert!(is_scan_of(rows, "row") && rows["Node Type"] == "Function Scan", "{input:#}");
    assert!(is_scan_of(run, "run"), "{input:#}");
    assert_looked_up(run);
}

async fn check(connection: &mut PgConnection) {
    let single = generic_plan(connection, &statements::WRITE_ONE).await;
    assert_in_order(&single, true);
    for statement in [&statements::WRITE, &statements::WRITE_WITH_EARLIER] {
        let plan = generic_plan(connection, statement).await;
        assert_in_order(&plan, false);
    }
}

async fn create_runs(store: &PostgresStore, count: u64) {
    let flow = fresh_flow(fresh_tenant());
    store.create_flow(flow.clone()).await.unwrap();
    for number in 0..count {
        let creation = new_run().create(run_key(flow.key, number), &origin()).unwrap();
        store.create_run(creation).await.unwrap();
    }
}

/// A statement is planned when it is first used: then there is a run. It is planned again when the statistics have changed.
#[tokio::test]
async fn rows_are_found_in_the_order_of_the_parameters_with_old_statistics_and_with_new_ones() {
    let database = ScratchDatabase::create().await;
    let options = ConnectOptions::new(database.service());
    let store = PostgresStore::connect(&options).await.unwrap();
    let mut connection = PgConnection::connect_with(&options.writer_session()).await.unwrap();
    let mut owner = PgConnection::connect_with(&database.owner()).await.unwrap();
    let mut analyze = async || raw_sql("VACUUM ANALYZE runs").execute(&mut owner).await.unwrap();
    analyze().await;
    for count in [1, 50, 1000] {
        create_runs(&store, count).await;
        check(&mut connection).await;
        if count > 1 {
            analyze().await;
            check(&mut connection).await;
        }
    }
}
