//! The disk of the database is full.

use std::io::Write as _;

use flowruns_testing::harness::data_folder;
use sqlx::{Connection as _, PgConnection, raw_sql};

use crate::{
    database::durable_in, load::Load, scale, small_disk::SmallDisk, test_cluster::TestCluster,
};

const ROUNDS: u64 = 2;
/// More WAL files than the disk can hold.
const MAX_WAL_FILES: usize = 10;

/// Reports that a test did not run, also when the output of tests is captured.
fn report_skipped(reason: &str) {
    let line = format!("SKIPPED: no small disk for the database: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Makes PostgreSQL begin new WAL files until the disk is full: then it panics, as it must.
async fn fill_wal_until_panic(mut admin: PgConnection) {
    let begin = "SELECT pg_switch_wal(), pg_logical_emit_message(true, 'faults', 'needs a flush')";
    for _ in 0..MAX_WAL_FILES {
        let begun = raw_sql(begin).execute(&mut admin).await;
        if begun.is_err() && admin.ping().await.is_err() {
            return;
        }
    }
    panic!("PostgreSQL has not crashed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_is_full_no_report_is_acknowledged_that_is_not_stored() {
    // Each time on a new disk, because stored rows need space too.
    for _ in 0..scale() {
        match SmallDisk::mount() {
            Ok(disk) => load_on(&disk).await,
            Err(reason) => return report_skipped(&reason),
        }
    }
}

async fn load_on(disk: &SmallDisk) {
    let mut cluster = TestCluster::start_in(data_folder(), durable_in(disk.path()), 2, &[]).await;
    let load = Load::start(&cluster).await;
    for _ in 0..ROUNDS {
        load.acknowledged(100).await;
        disk.fill();
        load.unknown(Load::CLIENTS).await;
        disk.free();
        cluster.recover().await;
        load.acknowledged(100).await;
        let admin = cluster.database.admin().await;
        disk.fill();
        fill_wal_until_panic(admin).await;
        load.unknown(Load::CLIENTS).await;
        disk.free();
        cluster.recover().await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}
