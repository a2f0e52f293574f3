//! The disk of the database is full.

use std::io::Write as _;

use sqlx::{Connection as _, PgConnection, raw_sql};

use crate::{
    database::durable_in, program::data_folder, scale, site::Site, small_disk::SmallDisk,
    storm::Load,
};

const ROUNDS: u64 = 2;
/// More files of the log than the disk has room for.
const MOST_LOG_FILES: usize = 10;

/// Says that a test did not run, also when the output of tests is captured.
fn say_skipped(reason: &str) {
    let line = format!("SKIPPED: no small disk for the database: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Makes PostgreSQL begin new files of its log until there is no room for another: it panics, as it must.
async fn panic_for_want_of_a_log_file(mut admin: PgConnection) {
    let begin = "SELECT pg_switch_wal(), pg_logical_emit_message(true, 'faults', 'needs a flush')";
    for _ in 0..MOST_LOG_FILES {
        let begun = raw_sql(begin).execute(&mut admin).await;
        if begun.is_err() && admin.ping().await.is_err() {
            return;
        }
    }
    panic!("PostgreSQL has not crashed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_is_full_no_report_is_acknowledged_that_is_not_kept() {
    // Each time on a disk of its own, since what is kept needs room too.
    for _ in 0..scale() {
        match SmallDisk::mount() {
            Ok(disk) => storm_on(&disk).await,
            Err(reason) => return say_skipped(&reason),
        }
    }
}

async fn storm_on(disk: &SmallDisk) {
    let mut site = Site::start_in(data_folder(), durable_in(disk.path()), 2, &[]).await;
    let load = Load::start(&site).await;
    for _ in 0..ROUNDS {
        load.acknowledged(100).await;
        disk.fill();
        load.unknown(Load::CLIENTS).await;
        disk.free();
        site.recover().await;
        load.acknowledged(100).await;
        let admin = site.database.admin().await;
        disk.fill();
        panic_for_want_of_a_log_file(admin).await;
        load.unknown(Load::CLIENTS).await;
        disk.free();
        site.recover().await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}
