//! A proxy for PostgreSQL that can withhold a write: the store loses its connection without a response, while the session
//! of the server stays open and may carry the write out later.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    select,
    sync::{mpsc, oneshot},
};

/// A text that only the statement that writes reports contains.
const WRITES_REPORTS: &[u8] = b"written AS (";
const SOCKET: &str = ".s.PGSQL.5432";
const BUFFER: usize = 64 * 1024;

/// Forwards all messages until it withholds a write of reports.
pub(crate) struct WithholdingProxy {
    folder: TempDir,
    database: PgConnectOptions,
    armed: Arc<AtomicBool>,
    withheld: mpsc::UnboundedReceiver<Withheld>,
}

/// A write that PostgreSQL has not received, while the store waits for its response.
pub(crate) struct Withheld {
    message: Vec<u8>,
    server: UnixStream,
    disconnect: oneshot::Sender<()>,
}

/// A write whose connection to the store is broken.
pub(crate) struct Abandoned {
    message: Vec<u8>,
    server: UnixStream,
}

impl WithholdingProxy {
    pub(crate) fn start(database: PgConnectOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let socket = format!(".s.PGSQL.{}", database.get_port());
        let server = database.get_socket().unwrap().join(socket);
        let armed = Arc::new(AtomicBool::new(false));
        let (sender, withheld) = mpsc::unbounded_channel();
        tokio::spawn(accept(listener, server, Arc::clone(&armed), sender));
        Self { folder, database, armed, withheld }
    }

    /// How the database is reached through it.
    pub(crate) fn options(&self) -> PgConnectOptions {
        let options = self.database.clone();
        options.socket(self.folder.path()).port(5432)
    }

    /// Withholds the next write of reports.
    pub(crate) fn withhold_next_write(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// The write that was withheld.
    pub(crate) async fn withheld(&mut self) -> Withheld {
        self.withheld.recv().await.unwrap()
    }
}

impl Withheld {
    /// Sends the write to PostgreSQL, while the store still waits.
    pub(crate) async fn deliver(mut self) -> Self {
        let message = std::mem::take(&mut self.message);
        self.server.write_all(&message).await.unwrap();
        self
    }

    /// Breaks the connection to the store, not the one to the server.
    pub(crate) fn disconnect(self) -> Abandoned {
        self.disconnect.send(()).unwrap();
        Abandoned { message: self.message, server: self.server }
    }
}

impl Abandoned {
    /// Sends the write to PostgreSQL unless it was delivered, and waits for the response.
    pub(crate) async fn carry_out(mut self) {
        self.server.write_all(&self.message).await.unwrap();
        let answered = self.server.read(&mut [0; 1]).await;
        assert_eq!(answered.unwrap(), 1);
    }
}

async fn accept(
    listener: UnixListener,
    server: PathBuf,
    armed: Arc<AtomicBool>,
    withheld: mpsc::UnboundedSender<Withheld>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let server = UnixStream::connect(&server).await.unwrap();
        tokio::spawn(forward(client, server, Arc::clone(&armed), withheld.clone()));
    }
}

/// Forwards until one side disconnects, or a write is withheld.
async fn forward(
    mut client: UnixStream,
    mut server: UnixStream,
    armed: Arc<AtomicBool>,
    withheld: mpsc::UnboundedSender<Withheld>,
) {
    let mut writes_reports = false;
    let (mut from_client, mut from_server) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let message = &from_client[..length];
                let prepares = message
                    .windows(WRITES_REPORTS.len())
                    .any(|bytes| bytes == WRITES_REPORTS);
                // A statement is prepared in one message and executed in the next.
                if writes_reports && !prepares && armed.swap(false, Ordering::SeqCst) {
                    let message = message.to_vec();
                    return withhold(client, server, message, &withheld).await;
                }
                writes_reports |= prepares;
                if server.write_all(message).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn withhold(
    client: UnixStream,
    server: UnixStream,
    message: Vec<u8>,
    withheld: &mpsc::UnboundedSender<Withheld>,
) {
    let (disconnect, disconnected) = oneshot::channel();
    let write = Withheld { message, server, disconnect };
    if withheld.send(write).is_ok() {
        let _test_has_ended = disconnected.await;
    }
    drop(client);
}
