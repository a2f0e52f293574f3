//! What is in use.

/// Requests in progress and the bytes that they hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Requests.
    pub requests: usize,
    /// Bytes.
    pub bytes: usize,
}
