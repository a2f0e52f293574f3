//! The checker itself: correct stores pass it, and it finds every fault of a store that breaks a guarantee.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod correct_stores;
mod decision;
mod faults_found;
mod faulty_store;
mod fixture;
mod lossy_target;
mod script;
mod scripted_records;
