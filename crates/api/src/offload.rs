//! CPU-heavy work of the API on other threads than those of requests.

use std::{sync::LazyLock, thread::available_parallelism};

use flowruns_http::Offload;

/// Work runs at once on a quarter of the cores, but at least one. The threads of requests by default are half as many as there are
/// cores.
pub(crate) static OFFLOAD: LazyLock<Offload> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, usize::from);
    Offload::new((cores / 4).max(1))
});
