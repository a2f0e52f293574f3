//! What every store must do: one function for each case, whose name is the requirement.
//!
//! A case panics when the store does not meet it. Each case creates its own tenant and flows, so cases can run at the same
//! time, in any order, and on a store that has other rows.

#![expect(clippy::expect_used, reason = "a case fails by panicking, as a test does")]

pub mod dashboard;
pub mod dashboard_documents;
pub mod dashboard_windows;
mod filters;
mod fixture;
pub mod flow_queries;
pub mod flows;
pub mod history;
pub mod idempotency;
pub mod lists;
pub mod queries;
pub mod races;
pub mod runs;
pub mod tenants;
pub mod values;

use std::sync::Arc;

use flowruns_domain::store::Store;

/// Runs every case, one after the other.
pub async fn run_all(store: Arc<dyn Store>) {
    crate::conformance_cases!(conformance_calls, store);
}

/// Makes a `#[tokio::test]` of every case. The argument is an expression for an `Arc<dyn Store>`; it is evaluated in
/// every test and may `.await`. The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_suite {
    ($store:expr $(,)?) => {
        $crate::conformance_cases!(conformance_tests, $store);
    };
}

/// The list of all cases, given to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($then:ident, $store:expr) => {
        $crate::$then! {
            $store;
            dashboard::recent_runs_are_the_newest_of_each_flow
            dashboard::a_tally_counts_the_runs_of_a_status_by_flow
            dashboard::a_tally_ends_at_its_limit
            dashboard_documents::a_series_has_the_numbers_at_its_paths
            dashboard_documents::the_newest_of_earlier_runs_have_their_documents
            dashboard_documents::error_lines_are_the_beginnings_of_errors
            dashboard_documents::the_last_events_are_read_newest_first
            dashboard::the_neighbours_of_a_run_are_next_to_it_in_the_order_of_starts
            dashboard::filtered_runs_are_those_of_a_list
            dashboard_windows::a_window_has_every_run_that_it_overlaps
            dashboard_windows::a_window_with_too_many_runs_has_the_latest
            dashboard_windows::a_window_says_that_it_misses_runs_in_progress
            dashboard::the_dashboard_of_another_tenant_is_empty
            flows::a_created_flow_is_found
            flows::a_flow_id_is_used_once
            flows::an_update_of_a_flow_is_stored
            flows::a_rejected_or_unchanged_update_of_a_flow_writes_nothing
            flows::an_absent_flow_is_none
            flows::a_flow_with_runs_cannot_be_deleted
            flows::a_flow_whose_runs_were_deleted_can_be_deleted
            flows::a_rejected_deletion_of_a_flow_deletes_nothing
            flows::flows_are_listed_by_id_in_pages
            history::history_is_listed_by_version_oldest_first
            history::history_leads_to_the_stored_run
            history::the_time_of_a_history_never_goes_backwards
            history::a_history_spans_years
            history::a_page_of_history_stays_within_its_bytes
            idempotency::the_response_of_the_first_claim_is_replayed
            idempotency::a_repeated_claim_is_granted_again
            idempotency::a_key_of_another_request_is_reported
            idempotency::a_key_belongs_to_its_tenant_and_caller
            idempotency::an_attempt_is_taken_over_after_its_lease_with_its_reservation
            idempotency::a_released_key_is_taken_over_at_once
            idempotency::a_key_is_new_after_a_day
            idempotency::of_many_concurrent_claims_one_is_granted
            idempotency::old_keys_are_deleted_some_at_a_time
            lists::runs_are_listed_by_start_newest_first_ties_by_id
            lists::pages_of_every_size_give_the_whole_list
            lists::pages_are_stable_while_rows_are_created_and_deleted
            lists::a_list_shows_the_current_state
            lists::a_page_of_no_rows_is_empty
            lists::the_list_of_an_absent_flow_is_none
            lists::runs_of_another_flow_are_not_listed
            queries::every_filter_gives_the_runs_that_it_matches
            queries::every_order_can_be_read_in_pages_of_every_size
            queries::a_queried_page_of_no_rows_is_empty
            queries::details_are_read_only_when_requested
            queries::runs_are_queried_across_the_flows_of_a_tenant
            queries::a_query_of_an_absent_flow_is_none
            queries::a_count_beyond_its_limit_is_unknown
            queries::queried_pages_skip_no_run_while_others_are_created_and_deleted
            queries::a_page_with_details_stays_within_its_bytes
            flow_queries::flows_are_queried_by_name_and_readiness
            races::sixty_four_writers_of_one_run_lose_no_update
            races::writers_of_many_runs_lose_no_update
            races::of_four_concurrent_outcomes_one_wins
            races::concurrent_creations_of_one_id_create_one_run
            races::a_report_during_a_deletion_is_stored_or_finds_no_run
            races::a_report_whose_caller_hangs_up_is_stored_completely_or_not_at_all
            races::sixteen_writers_of_one_flow_lose_no_update
            races::a_run_is_not_created_in_a_flow_that_is_deleted_meanwhile
            runs::a_created_run_is_found
            runs::a_run_of_an_absent_flow_is_not_created
            runs::a_second_creation_gives_the_stored_run_and_its_first_entry
            runs::an_absent_run_is_none
            runs::an_update_is_stored_with_its_history_entry
            runs::an_update_is_decided_on_the_stored_run
            runs::a_rejected_update_changes_nothing
            runs::a_precondition_is_checked_on_the_stored_version
            runs::an_unchanged_update_writes_nothing
            runs::a_deleted_run_is_absent_everywhere_and_its_id_stays_in_use
            runs::a_rejected_deletion_deletes_nothing
            runs::every_status_is_stored
            runs::one_id_in_two_flows_is_two_runs
            runs::runs_are_found_by_their_id_alone
            tenants::runs_of_another_tenant_are_absent
            tenants::flows_of_another_tenant_are_absent
            values::numbers_keep_their_value
            values::unicode_is_stored_unchanged
            values::json_of_every_shape_is_stored
            values::a_blocking_error_is_stored_completely
            values::sixty_four_kibibytes_are_stored
            values::times_keep_their_microseconds
            values::actor_and_longest_name_are_stored
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($store:expr; $($module:ident::$case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::conformance::$module::$case($store).await;
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_calls {
    ($store:expr; $($module:ident::$case:ident)*) => {
        $( $module::$case(::std::sync::Arc::clone(&$store)).await; )*
    };
}
