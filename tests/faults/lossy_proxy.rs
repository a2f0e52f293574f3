//! A way to PostgreSQL that loses answers: what was asked is carried out, and the connection breaks before it is told.

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

/// In bytes; an answer is rarely longer, and then it is cut in its middle.
const PIECE: usize = 64 * 1024;

/// Passes everything on, until it is told to lose an answer.
pub(crate) struct LossyProxy {
    socket: PathBuf,
    loses_next: Arc<AtomicBool>,
}

impl LossyProxy {
    /// Listens in a folder of its own, and passes on to a socket of PostgreSQL.
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
                        pass_on(client, server, &loses).await;
                    }
                });
            }
        });
        Self { socket, loses_next }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.socket.parent().unwrap()
    }

    /// Swallows the next answer, and breaks its connection.
    pub(crate) fn lose_an_answer(&self) {
        self.loses_next.store(true, Ordering::SeqCst);
    }
}

/// Until one of the two hangs up, or an answer is lost.
async fn pass_on(client: UnixStream, server: UnixStream, loses: &AtomicBool) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = async {
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = from_server.read(&mut piece).await {
            let is_lost = loses.swap(false, Ordering::SeqCst);
            if is_lost || to_client.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    };
    select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        () = answers => {}
    }
}
