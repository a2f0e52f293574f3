//! The plans of the statements that read and write runs, as the sessions of a writer make them.

use flowruns_domain::store::{FlowStore as _, RunStore as _};
use flowruns_testing::{
    fixtures::{fresh_flow, fresh_tenant, new_run, origin, run_key},
    scratch::ScratchDatabase,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, raw_sql};

use crate::{ConnectOptions, PostgresStore, writer::statements};

/// The plan of a statement whatever the values of its parameters are.
async fn generic_plan(connection: &mut PgConnection, statement: &str) -> Value {
    let parameters = (1..).take_while(|number| statement.contains(&format!("${number}::")));
    let nulls = vec!["NULL"; parameters.count()].join(", ");
    let prepare = format!("DEALLOCATE ALL; PREPARE statement AS {statement}");
    raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE statement({nulls})");
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

/// Each run is looked up in an index by its whole key, or by the place of a row that was looked up before.
fn assert_looked_up(plan: &Value) {
    let scans = nodes(plan)
        .into_iter()
        .filter(|node| node["Relation Name"] == "runs" && node["Node Type"] != "ModifyTable");
    let mut looked_up = 0;
    for scan in scans.filter(|scan| scan["Node Type"] != "Tid Scan") {
        assert_eq!(scan["Node Type"], "Index Scan", "{plan:#}");
        let condition = scan["Index Cond"].as_str().unwrap_or_default();
        let is_whole_key = ["(flow_id = ", "(id = "].iter().all(|part| condition.contains(part));
        assert!(is_whole_key, "{plan:#}");
        looked_up += 1;
    }
    assert_eq!(looked_up, 1, "{plan:#}");
}

/// The update looks up the rows of the parameters in their order, and so locks them in this order. The timeout is set before.
fn assert_in_order(plan: &Value) {
    let nodes = nodes(plan);
    let update = nodes.iter().find(|node| node["Operation"] == "Update").unwrap();
    let [timeout, found] = update["Plans"].as_array().unwrap().as_slice() else {
        panic!("{update:#}");
    };
    assert_eq!(timeout["Parent Relationship"], "InitPlan", "{update:#}");
    assert_eq!(found["One-Time Filter"], "($0 IS NOT NULL)", "{update:#}");
    let join = &found["Plans"][0];
    assert_eq!(join["Node Type"], "Nested Loop", "{update:#}");
    let [rows, run] = join["Plans"].as_array().unwrap().as_slice() else { panic!("{join:#}") };
    assert_eq!(rows["Node Type"], "Function Scan", "{join:#}");
    assert_eq!(run["Relation Name"], "runs", "{join:#}");
}

async fn check(connection: &mut PgConnection) {
    let of_one = [&statements::READ_ONE, &statements::WRITE_ONE, &statements::WRITE_ONE_UNLOCKED];
    let of_many =
        [&statements::READ, &statements::WRITE_UNLOCKED, &statements::WRITE_UNLOCKED_WITH_EARLIER];
    for statement in of_one.into_iter().chain(of_many) {
        assert_looked_up(&generic_plan(connection, statement).await);
    }
    for statement in [&statements::WRITE, &statements::WRITE_WITH_EARLIER] {
        let plan = generic_plan(connection, statement).await;
        assert_looked_up(&plan);
        assert_in_order(&plan);
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
async fn each_run_is_looked_up_in_the_order_of_the_parameters_whatever_the_statistics_are() {
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
