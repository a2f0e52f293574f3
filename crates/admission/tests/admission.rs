//! Tests of each rule of admission, and a property test of random sequences of operations.

use std::sync::Arc;

use flowruns_admission::{
    AdmissionController, AdmissionLimits, CallerId, Overloaded, Permit, Priority, Usage,
};
use futures_util::{FutureExt as _, future::Future, pin_mut, poll};
use proptest::prelude::*;

const PRIORITIES: [Priority; 5] =
    [Priority::List, Priority::Read, Priority::Write, Priority::Unread, Priority::EndsRun];
const MIB: usize = 1024 * 1024;

fn limits(requests: usize, bytes: usize, caller_percent: u8) -> AdmissionLimits {
    AdmissionLimits { requests, bytes, caller_percent }
}

fn controller(requests: usize, bytes: usize) -> Arc<AdmissionController> {
    AdmissionController::new(limits(requests, bytes, 100))
}

fn admit(
    controller: &Arc<AdmissionController>,
    priority: Priority,
    bytes: usize,
) -> Result<Permit, Overloaded> {
    controller.admit(CallerId::SHARED, priority, bytes)
}

/// Admits requests of a caller until one is rejected.
fn admit_all(
    controller: &Arc<AdmissionController>,
    caller: u64,
    priority: Priority,
    bytes: usize,
) -> Vec<Permit> {
    let next = || controller.admit(CallerId(caller), priority, bytes).ok();
    std::iter::from_fn(next).collect()
}

/// Whether a future is ready when it is polled now.
async fn is_ready<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    poll!(future).is_ready()
}

#[test]
fn a_higher_priority_may_use_a_larger_part_of_the_requests() {
    let controller = controller(16, MIB);
    let mut permits = Vec::new();
    for (priority, most) in PRIORITIES.into_iter().zip([4, 8, 12, 14, 16]) {
        permits.extend(admit_all(&controller, 1, priority, 0));
        assert_eq!(permits.len(), most, "{priority:?}");
    }
    permits.truncate(9);
    assert!(admit(&controller, Priority::Read, 0).is_err());
    assert!(admit(&controller, Priority::Write, 0).is_ok());
}

#[test]
fn a_higher_priority_may_use_a_larger_part_of_the_bytes() {
    let controller = controller(100_000, 16 * MIB);
    let mut permits = Vec::new();
    for (priority, most) in PRIORITIES.into_iter().zip([4, 8, 12, 14, 16]) {
        permits.extend(admit_all(&controller, 1, priority, 64 * 1024));
        assert_eq!(controller.usage().bytes, most * MIB, "{priority:?}");
    }
    assert_eq!(admit(&controller, Priority::EndsRun, 1).unwrap_err(), Overloaded);
}

#[test]
fn only_reports_that_end_a_run_use_the_reserve_and_lower_priorities_keep_their_part() {
    let controller = controller(16, MIB);
    let writes = admit_all(&controller, 1, Priority::Write, 0);
    assert_eq!(writes.len(), 12);
    assert!(admit(&controller, Priority::List, 0).is_err());
    drop(writes);
    let _ends = admit_all(&controller, 1, Priority::EndsRun, 0).split_off(8);
    assert_eq!(admit_all(&controller, 1, Priority::List, 0).len(), 4);
}

#[test]
fn a_request_without_bytes_is_rejected_if_no_bytes_are_free() {
    let controller = controller(100, MIB);
    let held = admit(&controller, Priority::EndsRun, 0).unwrap();
    held.set(MIB + 1);
    assert!(admit(&controller, Priority::Read, 0).is_err());
    drop(held);
    assert!(admit(&controller, Priority::Read, 0).is_ok());
}

#[test]
fn a_single_caller_leaves_one_share_free_and_each_caller_gets_its_share() {
    let controller = AdmissionController::new(limits(64, MIB, 25));
    let mut first = admit_all(&controller, 1, Priority::Write, 0);
    assert_eq!(first.len(), 36);
    let second = admit_all(&controller, 2, Priority::Write, 0);
    assert_eq!(second.len(), 12);
    // The third caller is below its share, so it gets what the first one releases.
    assert!(controller.admit(CallerId(3), Priority::Write, 0).is_err());
    first.truncate(24);
    assert!(controller.admit(CallerId(1), Priority::Write, 0).is_err());
    let third = admit_all(&controller, 3, Priority::Write, 0);
    assert_eq!(third.len(), 12);
    first.truncate(0);
    assert_eq!(admit_all(&controller, 1, Priority::Write, 0).len(), 12);
}

#[test]
fn a_report_that_ends_a_run_is_admitted_when_other_writes_use_all_their_capacity() {
    let controller = AdmissionController::new(limits(64, MIB, 25));
    let writes: Vec<_> =
        (1..=4).flat_map(|caller| admit_all(&controller, caller, Priority::Unread, 0)).collect();
    assert_eq!(writes.len(), 56);
    assert!(admit(&controller, Priority::Write, 0).is_err());
    assert_eq!(admit_all(&controller, 5, Priority::EndsRun, 0).len(), 8);
}

#[test]
fn a_quarter_of_the_bytes_is_reserved_for_small_requests() {
    let controller = controller(1000, 16 * MIB);
    let large = admit_all(&controller, 1, Priority::EndsRun, MIB);
    assert_eq!(large.len(), 12 + 1, "one is above the limit");
    let small = admit_all(&controller, 1, Priority::EndsRun, 64 * 1024);
    assert_eq!(small.len(), 4 * 16);
}

#[test]
fn one_large_request_of_any_size_is_admitted_without_reducing_the_capacity_of_others() {
    let controller = controller(8, 16 * MIB);
    let large = admit(&controller, Priority::List, 100 * MIB).unwrap();
    assert!(admit(&controller, Priority::List, 100 * MIB).is_err());
    let other = admit(&controller, Priority::List, 3 * MIB).unwrap();
    assert_eq!(controller.usage().bytes, 103 * MIB);
    drop((other, large));
    assert_eq!(controller.usage(), Usage::default());
}

#[test]
fn a_rejected_charge_changes_nothing() {
    let controller = controller(8, 16 * MIB);
    let other = admit(&controller, Priority::EndsRun, 12 * MIB).unwrap();
    let permit = admit(&controller, Priority::EndsRun, 10).unwrap();
    assert_eq!(permit.charge(5 * MIB), Err(Overloaded));
    assert_eq!((permit.bytes(), controller.usage().bytes), (10, 12 * MIB + 10));
    permit.set(5 * MIB);
    assert_eq!(controller.usage().bytes, 17 * MIB);
    // A smaller charge is always accepted.
    assert_eq!(permit.charge(3 * MIB), Ok(()));
    assert_eq!(permit.reclassify(Priority::Write, 3 * MIB), Err(Overloaded));
    drop(other);
    assert_eq!(permit.reclassify(Priority::List, 3 * MIB), Ok(()));
}

#[tokio::test]
async fn waiting_requests_are_granted_in_the_order_of_arrival() {
    let controller = controller(8, 16 * MIB);
    let held = admit(&controller, Priority::EndsRun, 12 * MIB).unwrap();
    let permits: Vec<_> =
        (0..4).map(|_| admit(&controller, Priority::EndsRun, 0).unwrap()).collect();
    // This one is above the limit.
    permits[0].reserve(10 * MIB).now_or_never().unwrap();
    let second = permits[1].reserve(9 * MIB);
    let third = permits[2].reserve(3 * MIB);
    let fourth = permits[3].reserve(MIB);
    pin_mut!(second, third, fourth);
    assert!(!is_ready(&mut second).await);
    assert!(!is_ready(&mut third).await);
    assert!(!is_ready(&mut fourth).await);
    assert_eq!(controller.waiting(), 3);
    // Then the last one would fit, but it arrived later.
    held.set(MIB);
    assert!(is_ready(&mut second).await);
    assert!(!is_ready(&mut third).await);
    assert!(!is_ready(&mut fourth).await);
    permits[0].set(0);
    assert!(is_ready(&mut third).await, "above the limit");
    assert!(is_ready(&mut fourth).await);
    assert_eq!(controller.usage().bytes, 14 * MIB);
}

#[tokio::test]
async fn requests_that_each_have_a_part_of_their_bytes_do_not_deadlock() {
    let controller = controller(8, 16 * MIB);
    let permits: Vec<_> =
        (0..3).map(|_| admit(&controller, Priority::EndsRun, 4 * MIB).unwrap()).collect();
    let waits = permits.iter().map(|permit| permit.reserve(8 * MIB));
    let mut waits: Vec<_> = waits.map(Box::pin).collect();
    assert!(is_ready(&mut waits[0]).await, "above the limit");
    assert!(is_ready(&mut waits[1]).await, "within the limit");
    assert!(!is_ready(&mut waits[2]).await);
    permits[0].set(0);
    assert!(is_ready(&mut waits[2]).await, "above the limit");
    assert_eq!(controller.usage().bytes, 16 * MIB);
    drop(waits);
    drop(permits);
    assert_eq!(controller.usage(), Usage::default());
}

#[test]
fn bytes_above_the_limit_stay_above_it_until_they_fit() {
    let controller = controller(64, 16 * MIB);
    let within = admit(&controller, Priority::List, 3 * MIB).unwrap();
    let above_limit = admit(&controller, Priority::List, 3 * MIB).unwrap();
    // With 1 MiB it still exceeds the part of lists, so the next one must not exceed the limit too.
    assert_eq!(above_limit.charge(MIB), Ok(()));
    assert!(admit(&controller, Priority::List, MIB).is_err());
    assert!(admit(&controller, Priority::List, 64 * 1024).is_ok());
    drop(within);
    assert_eq!(above_limit.charge(MIB), Ok(()));
    let next = admit(&controller, Priority::List, 2 * MIB).unwrap();
    assert!(admit(&controller, Priority::List, 3 * MIB).is_ok(), "above the limit");
    drop((above_limit, next));
    assert_eq!(controller.usage(), Usage::default());
}

#[tokio::test]
async fn a_request_that_stops_waiting_keeps_its_charge_and_unblocks_the_next() {
    let controller = controller(8, 16 * MIB);
    let held = admit(&controller, Priority::EndsRun, 10 * MIB).unwrap();
    let above_limit = admit(&controller, Priority::EndsRun, 0).unwrap();
    above_limit.reserve(3 * MIB).now_or_never().unwrap();
    held.set(7 * MIB);
    let first = admit(&controller, Priority::EndsRun, 7).unwrap();
    let second = admit(&controller, Priority::EndsRun, 0).unwrap();
    let mut waits = Box::pin(first.reserve(6 * MIB));
    let next = second.reserve(MIB);
    pin_mut!(next);
    assert!(!is_ready(&mut waits).await);
    assert!(!is_ready(&mut next).await);
    drop(waits);
    assert!(is_ready(&mut next).await);
    assert_eq!((first.bytes(), second.bytes()), (7, MIB));
}

#[tokio::test]
async fn a_waiting_caller_that_has_used_its_share_does_not_block_other_callers() {
    let controller = AdmissionController::new(limits(64, 64 * MIB, 25));
    let held: Vec<_> = admit_all(&controller, 1, Priority::Write, MIB);
    assert_eq!(
        held.len(),
        24 + 1,
        "the part of large writes without one share, and one above the limit"
    );
    let more = controller.admit(CallerId(1), Priority::Write, 0).unwrap();
    let more = more.reserve(2 * MIB);
    pin_mut!(more);
    assert!(!is_ready(&mut more).await);
    let other = controller.admit(CallerId(2), Priority::Write, 0).unwrap();
    other.reserve(8 * MIB).now_or_never().unwrap();
    let third = controller.admit(CallerId(3), Priority::Write, 0).unwrap();
    third.reserve(4 * MIB).now_or_never().unwrap();
    assert!(!is_ready(&mut more).await);
}

#[derive(Clone, Debug)]
enum Step {
    Admit(u64, usize, usize),
    Reclassify(usize, usize, usize),
    Set(usize, usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![0..1000_usize, 0..2 * MIB];
    prop_oneof![
        (0..3_u64, 0..5_usize, bytes.clone()).prop_map(|(c, p, b)| Step::Admit(c, p, b)),
        (0..20_usize, 0..5_usize, bytes.clone()).prop_map(|(i, p, b)| Step::Reclassify(i, p, b)),
        (0..20_usize, bytes).prop_map(|(i, b)| Step::Set(i, b)),
        (0..20_usize).prop_map(Step::Drop),
    ]
}

proptest! {
    #[test]
    fn the_usage_is_the_sum_of_all_permits(steps in prop::collection::vec(step(), 0..100)) {
        let controller = AdmissionController::new(limits(12, 4 * MIB, 50));
        let mut permits: Vec<Permit> = Vec::new();
        for step in steps {
            match step {
                Step::Admit(caller, priority, bytes) => {
                    permits.extend(controller.admit(CallerId(caller), PRIORITIES[priority], bytes));
                }
                Step::Reclassify(index, priority, bytes) => {
                    if let Some(permit) = permits.get(index) {
                        let former = permit.bytes();
                        let charged = permit.reclassify(PRIORITIES[priority], bytes);
                        let expected = if charged.is_ok() { bytes } else { former };
                        prop_assert_eq!(permit.bytes(), expected);
                    }
                }
                Step::Set(index, bytes) => {
                    if let Some(permit) = permits.get(index) {
                        permit.set(bytes);
                    }
                }
                Step::Drop(index) => {
                    if index < permits.len() {
                        permits.swap_remove(index);
                    }
                }
            }
            let usage = controller.usage();
            prop_assert_eq!(usage.requests, permits.len());
            prop_assert_eq!(usage.bytes, permits.iter().map(Permit::bytes).sum::<usize>());
            prop_assert!(usage.requests <= 12);
        }
        permits.clear();
        prop_assert_eq!(controller.usage(), Usage::default());
        // No usage of a caller remains: its full share is free.
        prop_assert_eq!(admit_all(&controller, 0, Priority::EndsRun, 0).len(), 6);
    }
}
