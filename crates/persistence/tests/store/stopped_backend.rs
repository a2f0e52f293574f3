//! A backend that is stopped while it begins a transaction, and a caller that disconnects meanwhile: the session must not stay
//! in that transaction, in which later reports would be acknowledged and lost.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flowruns_domain::store::RunStore as _;
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::{fixtures, scratch::ScratchDatabase};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use crate::fixture::{assert_the_next_report_is_kept, create_a_run, decide_in_transaction};

/// A proxy between the store and the database that stops the backend before it forwards the first BEGIN.
struct Stopper {
    backend: PathBuf,
    admin: PgConnection,
    stopped: Option<oneshot::Sender<Pid>>,
}

impl Stopper {
    async fn forward(mut self, client: UnixStream, armed: Arc<AtomicBool>) {
        let server = UnixStream::connect(&self.backend).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let has_begin = buffer[..length].windows(5).any(|bytes| bytes == b"BEGIN");
            if has_begin && armed.load(Ordering::SeqCst) && self.stopped.is_some() {
                self.stop_the_backend().await;
            }
            if to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }

    async fn stop_the_backend(&mut self) {
        let question = "SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'flowruns'";
        let pid: i32 = sqlx::query_scalar(question).fetch_one(&mut self.admin).await.unwrap();
        let pid = Pid::from_raw(pid).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        if let Some(stopped) = self.stopped.take() {
            stopped.send(pid).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_report_is_lost_after_a_backend_was_stopped_while_it_began_a_transaction() {
    let database = ScratchDatabase::create().await;
    let real = database.service();
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let backend = real.get_socket().unwrap().join(format!(".s.PGSQL.{}", real.get_port()));
    let admin = PgConnection::connect_with(&database.owner().username("postgres")).await.unwrap();
    let (stopped, when_stopped) = oneshot::channel();
    let armed = Arc::new(AtomicBool::new(true));
    let first = Stopper { backend: backend.clone(), admin, stopped: Some(stopped) };
    tokio::spawn({
        let (armed, admin_options) = (Arc::clone(&armed), database.owner().username("postgres"));
        async move {
            let mut first = Some(first);
            while let Ok((client, _)) = listener.accept().await {
                let stopper = match first.take() {
                    Some(first) => first,
                    None => {
                        let admin = PgConnection::connect_with(&admin_options).await.unwrap();
                        Stopper { backend: backend.clone(), admin, stopped: None }
                    }
                };
                tokio::spawn(stopper.forward(client, Arc::clone(&armed)));
            }
        }
    });
    let through = real.clone().socket(folder.path()).port(5432);
    let options = ConnectOptions { max_connections: 1, ..ConnectOptions::new(through) };
    let store = PostgresStore::connect(&options).await.unwrap();
    let run = create_a_run(&store).await;

    let decide = decide_in_transaction(database.owner(), fixtures::origin(), || ());
    let caller = tokio::spawn({
        let (store, key) = (store.clone(), run.key);
        async move { store.update_run(key, decide).await }
    });
    let pid = when_stopped.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    kill_process(pid, Signal::CONT).unwrap();
    for _ in 0..5 {
        assert_the_next_report_is_kept(&database, &store, &run).await;
    }
}
