//! One connection, from its acceptance to its end.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, StatusCode, Version, header},
};
use flowruns_api::{OverTls, Peer};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tower::ServiceExt as _;

use super::{
    activity::Activity,
    answer::{Answer, InFlight},
    budget::{Charge, REQUEST_BYTES},
    closed::Reason,
    linger,
    patience::Patience,
    protocol::{self, Streams},
    request::HeadLimits,
    room::{Room, Seat},
    socket::{Socket, Watched},
    state::Order,
    stream::Observed,
    supervised::{Ending, Supervised, ordered_to_end},
    tls::Certificates,
};
use crate::config::Http;

/// What all connections have in common.
pub(super) struct Host {
    pub(super) room: Arc<Room>,
    server: auto::Builder<Streams>,
    router: Router,
    patience: Patience,
    limits: HeadLimits,
    certificates: Option<Certificates>,
}

/// Who asks, and how.
#[derive(Clone, Copy)]
struct Client {
    peer: Peer,
    is_over_tls: bool,
}

impl Host {
    pub(super) fn new(
        http: &Http,
        room: Arc<Room>,
        router: Router,
        certificates: Option<Certificates>,
    ) -> Self {
        let patience = Patience::new(http);
        Self {
            room,
            server: protocol::server(http, &patience),
            router,
            patience,
            limits: HeadLimits::new(http),
            certificates,
        }
    }

    /// Serves a connection until its end.
    pub(super) async fn serve(&self, stream: TcpStream, address: SocketAddr, seat: Seat) {
        let socket = Socket::new(stream);
        let watched = socket.watched();
        let client = |is_over_tls| Client {
            peer: Peer(address.ip()),
            is_over_tls,
        };
        let ending = match &self.certificates {
            None => {
                self.serve_stream(socket, watched, client(false), &seat)
                    .await
            }
            Some(certificates) => {
                let handshake = timeout(
                    self.patience.first_byte,
                    certificates.acceptor().accept(socket),
                );
                let handshake = tokio::select! {
                    handshake = handshake => handshake,
                    () = ordered_to_end(&seat.activity) => return,
                };
                match handshake {
                    Ok(Ok(stream)) => {
                        self.serve_stream(stream, watched, client(true), &seat)
                            .await
                    }
                    Ok(Err(error)) => Ending::Failed(error.into()),
                    Err(_elapsed) => Ending::Closed(Reason::Silent),
                }
            }
        };
        log(&ending, address);
    }

    async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        watched: Watched,
        client: Client,
        seat: &Seat,
    ) -> Ending {
        let charge = Charge::new(&self.room, &seat.activity, 0);
        let stream = Observed::new(stream, charge, self.limits.head_bytes);
        let requests = Requests {
            router: self.router.clone(),
            room: Arc::clone(&self.room),
            limits: self.limits,
            client,
            connection: seat.id,
            activity: Arc::clone(&seat.activity),
        };
        let service = service_fn(move |request| requests.serve(request));
        let connection = self.server.serve_connection(TokioIo::new(stream), service);
        Supervised::new(
            connection,
            watched,
            Arc::clone(&seat.activity),
            Arc::clone(&self.room),
            self.patience,
        )
        .await
    }
}

/// What serves the requests of one connection.
struct Requests {
    router: Router,
    room: Arc<Room>,
    limits: HeadLimits,
    client: Client,
    connection: u64,
    activity: Arc<Activity>,
}

impl Requests {
    /// The request is in flight from this call on, before the future is polled.
    fn serve(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Answer>, Infallible>> + Send + use<> {
        let (version, is_write) = (request.version(), !request.method().is_safe());
        let in_flight = InFlight::begin(&self.activity, is_write);
        let reading = InFlight::begin(&self.activity, false);
        let bytes = REQUEST_BYTES + self.limits.bytes(&request);
        let charge = Charge::new(&self.room, &self.activity, bytes);
        let refusal = self.activity.take_refusal();
        let refusal = refusal.or_else(|| self.limits.refuse(&request));
        let (router, room, limits) = (self.router.clone(), Arc::clone(&self.room), self.limits);
        let (client, connection) = (self.client, self.connection);
        async move {
            let activity = Arc::clone(in_flight.activity());
            let response = match refusal {
                Some(status) => refused(status, version),
                None => {
                    let request = request.map(Body::new);
                    let mut request = linger::wrap(request, reading, limits.discarded_bytes);
                    let authentication = activity.authentication.clone();
                    request.extensions_mut().insert(authentication);
                    // In memory of its own, which is free again when the answer is there, however long its client reads.
                    let answer = Box::pin(answer(router, request, client));
                    match is_write || version >= Version::HTTP_2 {
                        true => answer.await,
                        false => unless_abandoned(answer, &activity, version).await,
                    }
                }
            };
            let response = match room.may_stay(connection, &activity) {
                true => response,
                false => {
                    activity.order(Order::Finish);
                    last(response, version)
                }
            };
            let is_http2 = version >= Version::HTTP_2;
            Ok(response.map(|body| Answer::new(body, is_http2, charge, in_flight)))
        }
    }
}

async fn answer(router: Router, mut request: Request<Body>, client: Client) -> Response<Body> {
    let version = request.version();
    request.extensions_mut().insert(client.peer);
    if client.is_over_tls {
        request.extensions_mut().insert(OverTls);
    }
    match router.oneshot(request).await {
        // The rest of the body may come after all, where the next head should be.
        Ok(response) if response.status() == StatusCode::REQUEST_TIMEOUT => last(response, version),
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Gives up a read of HTTP/1 when its client has closed its sending side and waited for long. It may still be there, so it
/// is told to come again.
async fn unless_abandoned(
    answer: impl Future<Output = Response<Body>>,
    activity: &Activity,
    version: Version,
) -> Response<Body> {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        if activity.is_abandoned() {
            let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, version);
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
            return Poll::Ready(response);
        }
        // The supervisor, which abandons, polls this future after it.
        answer.as_mut().poll(context)
    })
    .await
}

fn refused(status: StatusCode, version: Version) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    last(response, version)
}

/// The last response of a connection of HTTP/1.
fn last(mut response: Response<Body>, version: Version) -> Response<Body> {
    if version <= Version::HTTP_11 {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn log(ending: &Ending, peer: SocketAddr) {
    match ending {
        Ending::Done => {}
        Ending::Failed(error) => tracing::debug!(%peer, error, "a connection ended early"),
        Ending::Closed(reason) => {
            reason.count();
            tracing::debug!(%peer, reason = reason.label(), "a connection was closed");
        }
    }
}
