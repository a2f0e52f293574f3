//! The name of a route in metrics, traces and the log.

/// The name of a route: its template, such as `/runs/{run}`, and its position in the list of the front end. Labels of metrics
/// come from a fixed list, never from a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteName {
    index: usize,
    template: &'static str,
}

impl RouteName {
    /// The name of a request that no route matched.
    pub const UNKNOWN: Self = Self::new(usize::MAX, "unknown");

    /// A name and its position, below the number of routes that the [pipeline](crate::RequestPipeline::new) was made for.
    pub const fn new(index: usize, template: &'static str) -> Self {
        Self { index, template }
    }

    /// The position in the list of the front end.
    pub(crate) const fn index(self) -> usize {
        self.index
    }

    /// As metrics, traces and the log show it.
    pub const fn as_str(self) -> &'static str {
        self.template
    }
}
