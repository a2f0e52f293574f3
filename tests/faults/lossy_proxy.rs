//! A proxy in front of PostgreSQL that loses responses: the statement is executed, and the connection breaks before the response.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{UnixListener, UnixStream},
    select,
};

/// The size of the buffer in bytes. A longer response, which is rare, is cut in the middle.
const BUFFER_BYTES: usize = 64 * 1024;

/// Forwards everything until [`Self::lose_next_response`] is called.
pub(crate) struct LossyProxy {
    socket: PathBuf,
    loses_next: Arc<AtomicBool>,
}

impl LossyProxy {
    /// Listens in a new folder, and forwards to a socket of PostgreSQL.
    pub(crate) fn start(folder: &Path, postgres: PathBuf) -> Self {
        fs::create_dir(folder).unwrap();
        let socket = folder.join(postgres.file_name().unwrap());
        let listener = UnixListener::bind(&socket).unwrap();
        let loses_next = Arc::new(AtomicBool::new(false));
        let loses = Arc::clone(&loses_next);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (postgres, loses) = (postgres.clone(), Arc::clone(&loses));
                tokio::spawn(async move {
                    if let Ok(server) = UnixStream::connect(&postgres).await {
                        forward(client, server, &loses).await;
                    }
                });
            }
        });
        Self { socket, loses_next }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.socket.parent().unwrap()
    }

    /// Drops the next response, and breaks its connection.
    pub(crate) fn lose_next_response(&self) {
        self.loses_next.store(true, Ordering::SeqCst);
    }
}

/// Forwards until one side closes the connection, or a response is lost.
async fn forward(client: UnixStream, server: UnixStream, loses: &AtomicBool) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let responses = async {
        let mut buffer = vec![0; BUFFER_BYTES];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let is_lost = loses.swap(false, Ordering::SeqCst);
            if is_lost || to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        () = responses => {}
    }
}
