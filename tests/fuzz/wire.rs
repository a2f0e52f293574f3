//! Bytes out, and answers back.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::draw::Case;

/// Far more than the limits of the server, so that one that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);
const START: &str = "HTTP/1.1 ";
/// What the service says of a body that does not come.
const CUT_OFF: &str = "requestTimeout";

/// What came back on a connection.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Of each answer, but for those that only say to go on.
    pub(crate) statuses: Vec<u16>,
    pub(crate) text: String,
    /// Whether the connection was cut rather than ended.
    pub(crate) is_cut: bool,
}

impl Reply {
    /// The tag of a single answer.
    pub(crate) fn tag(&self) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        head.lines().find_map(|line| line.strip_prefix("etag: "))
    }

    /// Whether a status of the service's own failure is there that says more than that a body did not come.
    pub(crate) fn has_failure(&self) -> bool {
        let failures = self.statuses.iter().filter(|status| **status >= 500);
        failures.count() > self.text.matches(CUT_OFF).count()
    }
}

/// Sends a case and reads until the server ends the connection, which it must; `None` when it does not.
pub(crate) async fn exchange(address: &str, case: &Case) -> Option<Reply> {
    timeout(PATIENCE, talk(address, case)).await.ok()
}

async fn talk(address: &str, case: &Case) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        // The server may have heard enough.
        let written = writer.write_all(&case.bytes).await;
        if case.ends && written.is_ok() {
            let _closed = writer.shutdown().await;
        }
    };
    let mut bytes = Vec::new();
    let ((), read) = tokio::join!(write, reader.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let starts = text.split(START).skip(1);
    let statuses = starts.filter_map(|answer| answer.get(..3)?.parse().ok());
    Reply {
        statuses: statuses.filter(|status| *status >= 200).collect(),
        is_cut: read.is_err(),
        text,
    }
}
