//! A server on a data folder, and the calls that it prints.

use flowruns_testing::harness::{ApiResponse, ServerProcess};
use tempfile::TempDir;

use crate::FLOWRUNS;

pub(crate) fn start(folder: &TempDir) -> ServerProcess {
    start_with(folder, &[])
}

/// Starts a server with these environment variables.
pub(crate) fn start_with(folder: &TempDir, settings: &[(&str, &str)]) -> ServerProcess {
    let server = FLOWRUNS.server().data_folder(folder.path());
    server.envs(settings.iter().copied()).start()
}

/// Sends the printed call that creates a run.
pub(crate) async fn create_printed_run(server: &ServerProcess) -> ApiResponse {
    let [creation, _] = server.printed_calls();
    server.client().send(&creation.method, &creation.path, creation.body).await
}

/// Sends the printed call that reports the end of that run.
pub(crate) async fn end_printed_run(server: &ServerProcess) -> ApiResponse {
    let [_, report] = server.printed_calls();
    server.client().send(&report.method, &report.path, report.body).await
}
