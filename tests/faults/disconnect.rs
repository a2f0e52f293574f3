//! A client that disconnects.

use std::{net::SocketAddr, time::Duration};

use flowruns_testing::harness::Http1Connection;

/// Sends bytes, and closes the connection after a while without reading.
pub(crate) async fn disconnect(address: SocketAddr, bytes: &[u8], after: Duration) {
    let _connection = Http1Connection::that_sent(address, bytes).await;
    // The moment of the close is the fault; the test waits for nothing here.
    tokio::time::sleep(after).await;
}
