//! Stores that wrap another one.

/// Implements [`DashboardStore`](flowruns_domain::dashboard::DashboardStore) for a store that passes each query on to another one. The
/// second argument is written like a closure: from the store and the name of the query to the other store. It may end in `?`.
///
/// The calling crate needs `async-trait` and `flowruns-domain`.
#[macro_export]
macro_rules! delegate_dashboard_queries {
    ($type:ty, |$store:pat_param, $query:pat_param| $inner:expr) => {
        const _: () = {
            use ::flowruns_domain::{
                dashboard::{
                    DashboardStore, EarlierRuns, ErrorLine, FlowIds, Last, LastEvents, MemberPaths,
                    MemberValues, Neighbours, RecentRuns, RunKeys, RunWindow, RunsPerFlow, Tally,
                    TallyRequest, WindowRuns,
                },
                id::{FlowKey, RunId, RunKey, TenantId},
                query::{Page, RunPage, RunQuery},
                run::RunEvent,
                store::StoreError,
            };

            #[::async_trait::async_trait]
            impl DashboardStore for $type {
                async fn recent_runs(
                    &self,
                    tenant: TenantId,
                    flows: &FlowIds,
                    each: RunsPerFlow,
                ) -> Result<Vec<RecentRuns>, StoreError> {
                    let ($store, $query) = (self, "recent_runs");
                    $inner.recent_runs(tenant, flows, each).await
                }

                async fn tallies(
                    &self,
                    tenant: TenantId,
                    requests: &[TallyRequest],
                ) -> Result<Vec<Tally>, StoreError> {
                    let ($store, $query) = (self, "tallies");
                    $inner.tallies(tenant, requests).await
                }

                async fn member_series(
                    &self,
                    flow: FlowKey,
                    paths: &MemberPaths,
                    last: Last,
                ) -> Result<Vec<MemberValues>, StoreError> {
                    let ($store, $query) = (self, "member_series");
                    $inner.member_series(flow, paths, last).await
                }

                async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
                    let ($store, $query) = (self, "error_lines");
                    $inner.error_lines(runs).await
                }

                async fn last_events(
                    &self,
                    run: RunKey,
                    last: LastEvents,
                ) -> Result<Option<Page<RunEvent>>, StoreError> {
                    let ($store, $query) = (self, "last_events");
                    $inner.last_events(run, last).await
                }

                async fn neighbours(
                    &self,
                    flow: FlowKey,
                    run: Option<RunId>,
                    earlier: EarlierRuns,
                ) -> Result<Neighbours, StoreError> {
                    let ($store, $query) = (self, "neighbours");
                    $inner.neighbours(flow, run, earlier).await
                }

                async fn filtered_runs(&self, query: &RunQuery) -> Result<RunPage, StoreError> {
                    let ($store, $query) = (self, "filtered_runs");
                    $inner.filtered_runs(query).await
                }

                async fn runs_in_window(
                    &self,
                    tenant: TenantId,
                    window: &RunWindow,
                ) -> Result<Vec<WindowRuns>, StoreError> {
                    let ($store, $query) = (self, "runs_in_window");
                    $inner.runs_in_window(tenant, window).await
                }
            }
        };
    };
}
