//! What stands between `exec` and the server: a TCP proxy that behaves as servers and networks do on bad days.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::{Builder, Runtime},
    select,
    time::sleep,
};

/// How long a slow server takes to answer.
const SLOW: Duration = Duration::from_millis(700);
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\naway";

/// Proxies have threads of their own: a test that writes files on a busy disk must not make a server slow.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// What the server does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// It answers.
    Well,
    /// It answers late.
    Slow,
    /// It answers 503.
    Unavailable,
    /// It commits, and the connection breaks before each second response: each write is lost once.
    CutsAfterCommit,
    /// It accepts connections and answers nothing.
    Silent,
    /// It refuses connections.
    Absent,
}

/// A proxy in a state that can change.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    /// While the server is absent: bound, so that nobody else gets the address, and not listening.
    socket: Mutex<Option<TcpSocket>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    responses: AtomicUsize,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr, state: State) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Shared { server, state: Mutex::new(state), responses: AtomicUsize::new(0) };
        let proxy = Self { address, shared: Arc::new(shared), socket: Mutex::new(Some(socket)) };
        if state != State::Absent {
            proxy.listen();
        }
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the server answers.
    pub(crate) fn heal(&self) {
        *self.shared.state.lock().unwrap() = State::Well;
        self.listen();
    }

    fn listen(&self) {
        let Some(socket) = self.socket.lock().unwrap().take() else {
            return;
        };
        let _runtime = RUNTIME.enter();
        let listener = socket.listen(1024).unwrap();
        tokio::spawn(accept(listener, Arc::clone(&self.shared)));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let state = *shared.state.lock().unwrap();
            // A connection that breaks is what some tests want.
            let _broken = match state {
                State::Unavailable => refuse(client).await,
                State::Silent => swallow(client).await,
                _ => forward(client, &shared, state).await,
            };
        });
    }
}

async fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 64 * 1024];
    // Each request of these tests is smaller than this, and arrives before the response is due.
    while client.read(&mut request).await? > 0 {
        client.write_all(UNAVAILABLE).await?;
    }
    Ok(())
}

async fn swallow(mut client: TcpStream) -> std::io::Result<()> {
    copy(&mut client, &mut tokio::io::sink()).await.map(drop)
}

async fn forward(client: TcpStream, shared: &Shared, state: State) -> std::io::Result<()> {
    let server = TcpStream::connect(shared.server).await?;
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    select! {
        requests = copy(&mut from_client, &mut to_server) => requests.map(drop),
        responses = respond(from_server, to_client, shared, state) => responses,
    }
}

async fn respond(
    mut from_server: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    shared: &Shared,
    state: State,
) -> std::io::Result<()> {
    let mut response = vec![0; 256 * 1024];
    loop {
        let length = from_server.read(&mut response).await?;
        let number = shared.responses.fetch_add(1, Ordering::Relaxed);
        if length == 0 || state == State::CutsAfterCommit && number.is_multiple_of(2) {
            return Ok(());
        }
        if state == State::Slow {
            sleep(SLOW).await;
        }
        to_client.write_all(&response[..length]).await?;
    }
}
