//! Over real connections, with the thread of the client.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use axum::{Router, http::HeaderMap, routing};
use flowruns_client::{
    Client, ClientCredentials, Error, FixedToken, Flow, FlowId, ReportError, RunAddress, Status,
    blocking,
};
use serde_json::json;
use tokio::{runtime::Runtime, sync::oneshot};

use crate::service::Service;

/// Routes on a thread of their own, until this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, routes: Router) -> Self {
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, routes) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address, _stop: stop }
    }
}

pub(crate) fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(future)
}

fn client(service: &Service, address: SocketAddr) -> flowruns_client::ClientBuilder {
    let token = FixedToken::new(&service.full_token()).unwrap();
    Client::builder(format!("http://{address}").parse().unwrap()).tokens(token)
}

fn flow(service: &Service) -> FlowId {
    block_on(service.create_flow("Flow"))
}

fn status(service: &Service, address: RunAddress) -> String {
    block_on(service.status(address))
}

#[test]
fn the_last_drop_waits_until_what_was_told_is_stored() {
    let service = Service::start();
    let server = Server::start(listen(), service.router.clone());
    let flow = client(&service, server.address).build().unwrap().flow_by_id(flow(&service));
    let run = flow.start_detached("Run").unwrap();
    let address = run.address();
    drop(flow);
    drop(run);
    assert_eq!(status(&service, address), "failed");
}

#[test]
fn a_panic_of_the_program_is_reported_before_it_ends() {
    let service = Service::start();
    let server = Server::start(listen(), service.router.clone());
    let client = client(&service, server.address).build().unwrap();
    let flow = client.flow_by_id(flow(&service));
    drop(client);
    let run = flow.start_detached("Run").unwrap();
    let address = run.address();
    let program = thread::spawn(move || {
        let _guards: (Flow, flowruns_client::Run) = (flow, run);
        panic!("a panic of the test");
    });
    assert!(program.join().is_err());
    assert_eq!(status(&service, address), "failed");
}

#[test]
fn a_server_that_does_not_answer_holds_the_program_up_for_a_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start();
    let id = flow(&service);
    // Nobody accepts its connections yet.
    let listener = listen();
    let builder = client(&service, listener.local_addr().unwrap());
    let builder = builder.spool(folder.path().join("spool"));
    let away = builder.exit_wait(Duration::from_millis(100)).build().unwrap();
    let run = away.flow_by_id(id).start_detached("Run").unwrap();
    let address = run.address();
    drop(run);
    drop(away);

    let server = Server::start(listener, service.router.clone());
    let builder = client(&service, server.address).spool(folder.path().join("spool"));
    let client = blocking::Client::from(builder.build().unwrap());
    let flushed = client.flush_spool(Duration::from_secs(60)).unwrap();
    assert_eq!((flushed.delivered, flushed.kept), (1, 0));
    assert_eq!(status(&service, address), "failed");
}

#[test]
fn a_client_works_in_any_runtime_and_outlives_it() {
    let service = Service::start();
    let server = Server::start(listen(), service.router.clone());
    let client = client(&service, server.address).build().unwrap();
    let flow = client.flow_by_id(flow(&service));
    let run = block_on(flow.start("Run")).unwrap();
    let ended = block_on(run.complete(json!({"rows": 1}))).unwrap();
    assert_eq!(ended.status, Status::Completed);
    assert_eq!(futures_executor(client.run(ended.address)).unwrap().status, Status::Completed);
}

/// Without any runtime.
fn futures_executor<T: Send>(future: impl Future<Output = T> + Send) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_closed_port_is_away() {
    let service = Service::start();
    let address = listen().local_addr().unwrap();
    let client = client(&service, address).deadline(Duration::from_secs(3)).build().unwrap();
    let flow = client.flow_by_id(flow(&service));
    let error = block_on(flow.start("Run")).unwrap_err();
    assert!(matches!(error, Error::Away { last: Some(_), .. }), "{error:?}");
    let run = flow.start_detached("Run").unwrap();
    let error = block_on(run.complete(())).unwrap_err();
    assert!(matches!(error, ReportError::Unknown { spooled: false, .. }), "{error:?}");
}

const CHILD: &str = "network::flushes_the_spool_of_its_environment";

#[test]
#[ignore = "the process that the next test starts"]
fn flushes_the_spool_of_its_environment() {
    let client = blocking::Client::from_env().unwrap();
    let flushed = client.flush_spool(Duration::from_secs(60)).unwrap();
    assert_eq!((flushed.refused, flushed.kept, flushed.expired), (0, 0, 0));
    println!("delivered={};", flushed.delivered);
}

#[test]
fn two_processes_that_flush_at_once_deliver_everything_once() {
    const RUNS: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let service = Service::start();
    let id = flow(&service);
    let listener = listen();
    let address = listener.local_addr().unwrap();
    let builder = client(&service, address).spool(&spool).deadline(Duration::from_millis(10));
    let away = builder.build().unwrap().flow_by_id(id);
    let runs = (0..RUNS).map(|_| {
        let run = away.start_detached("Run").unwrap();
        let address = run.address();
        let error = block_on(run.complete(())).unwrap_err();
        assert!(matches!(error, ReportError::Unknown { spooled: true, .. }), "{error:?}");
        address
    });
    let runs: Vec<_> = runs.collect();

    let server = Server::start(listener, service.router.clone());
    let start = || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", CHILD, "--ignored", "--nocapture"]).stdout(Stdio::piped());
        child.env("FLOWRUNS_URL", format!("http://{}", server.address));
        child.env("FLOWRUNS_TOKEN", service.full_token()).env("FLOWRUNS_SPOOL_DIR", &spool);
        child.spawn().unwrap()
    };
    let delivered = [start(), start()].map(|child| {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let (_, count) = text.split_once("delivered=").unwrap();
        count.split_once(';').unwrap().0.parse::<usize>().unwrap()
    });
    assert_eq!(delivered.iter().sum::<usize>(), RUNS, "{delivered:?}");
    for run in runs {
        assert_eq!(status(&service, run), "completed");
        assert_eq!(block_on(service.history(run)).len(), 2);
    }
}

#[test]
fn an_application_gets_its_tokens_from_its_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret&\n").unwrap();
    let service = Service::start();
    let server = Server::start(listen(), service.router.clone());
    let listener = listen();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({"issuer": issuer, "token_endpoint": format!("{issuer}/token")});
    let token = service.full_token();
    let respond = async move |headers: HeaderMap, form: String| {
        // `app` and `s3cret%26` (RFC 6749, 2.3.1).
        assert_eq!(headers["authorization"], "Basic YXBwOnMzY3JldCUyNg==");
        assert_eq!(form, "grant_type=client_credentials&scope=api%3A%2F%2Fx%2F.default");
        json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}).to_string()
    };
    let routes = Router::new()
        .route(
            "/.well-known/openid-configuration",
            routing::get(async move || document.to_string()),
        )
        .route("/token", routing::post(respond));
    let _issuer = Server::start(listener, routes);

    let credentials = ClientCredentials::new(issuer.parse().unwrap(), "app", &secret).unwrap();
    let url = format!("http://{}", server.address).parse().unwrap();
    let client = Client::builder(url).tokens(credentials.scope("api://x/.default")).build();
    let client = blocking::Client::from(client.unwrap());
    assert_eq!(client.create_flow("Flow").unwrap().id(), client.flow("Flow").unwrap().id());
}
