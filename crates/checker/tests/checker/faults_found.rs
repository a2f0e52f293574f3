//! Stores that break a guarantee, and what the checker reports about each.

use flowruns_checker::Guarantee;

use crate::{
    faulty_store::{Fault, FaultyStore},
    fixture::broken_by,
};

/// Whether a fault is visible depends on which client comes first: some loads do not show it.
const LOADS: u64 = 10;

async fn assert_finds(fault: Fault, guarantee: Guarantee) {
    assert_finds_one(fault, &[guarantee]).await;
}

async fn assert_finds_one(fault: Fault, guarantees: &[Guarantee]) {
    let mut found = Vec::new();
    for seed in 0..LOADS {
        found.extend(broken_by(FaultyStore::store(fault), seed).await);
        if guarantees.iter().any(|guarantee| found.contains(guarantee)) {
            return;
        }
    }
    panic!("{fault:?}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_before_a_commit_that_is_lost_is_found() {
    assert_finds(Fault::RespondsBeforeTheCommit, Guarantee::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_its_guard_is_found() {
    assert_finds(Fault::SkipsTheGuard, Guarantee::UnbrokenHistory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_its_event_is_found() {
    assert_finds(Fault::DropsAnEvent, Guarantee::UnbrokenHistory).await;
    assert_finds(Fault::DropsAnEvent, Guarantee::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_of_a_rolled_back_state_is_found() {
    assert_finds(Fault::GetsTheUncommitted, Guarantee::ShownIsCommitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_a_rolled_back_state_is_found() {
    assert_finds(Fault::ListsTheUncommitted, Guarantee::ShownIsCommitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dirty_read_is_found() {
    let guarantees = [Guarantee::ShownIsCommitted, Guarantee::RealTimeOrder];
    assert_finds_one(Fault::ReadsDirty, &guarantees).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_read_is_found() {
    assert_finds(Fault::ReadsStale, Guarantee::RealTimeOrder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_status_that_was_left_is_found() {
    assert_finds(Fault::LeavesATerminalStatus, Guarantee::TerminalIsFinal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_that_came_too_late_is_found() {
    assert_finds(Fault::RejectsOnAnOldState, Guarantee::RightResponse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_report_that_was_written_is_found() {
    assert_finds(Fault::WritesWhatItRejects, Guarantee::RejectedChangesNothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_with_another_version_is_found() {
    assert_finds(Fault::RespondsWithAnOldVersion, Guarantee::RightVersion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_reported_as_none_is_found() {
    assert_finds(Fault::ForgetsAChange, Guarantee::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_goes_backwards_is_found() {
    assert_finds(Fault::TurnsTimeBack, Guarantee::UnbrokenHistory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_skips_a_run_is_found() {
    assert_finds(Fault::SkipsARow, Guarantee::ListedOnce).await;
}
