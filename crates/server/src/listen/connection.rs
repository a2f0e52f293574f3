//! One connection, from its acceptance to its end.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, StatusCode, Version, header},
};
use flowruns_api::{OverTls, Peer};
use hyper::service::service_fn;
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tower::ServiceExt as _;

use super::{
    answer::{Answer, UnderWay},
    linger,
    patience::Patience,
    protocol::{self, Streams},
    request::HeadLimits,
    room::{Room, Seat},
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
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let client = |is_over_tls| Client {
            peer: Peer(address.ip()),
            is_over_tls,
        };
        let ending = match &self.certificates {
            None => self.serve_stream(stream, client(false), &seat).await,
            Some(certificates) => {
                let handshake = timeout(
                    self.patience.first_byte,
                    certificates.acceptor().accept(stream),
                );
                let handshake = tokio::select! {
                    handshake = handshake => handshake,
                    () = ordered_to_end(&seat.activity) => return,
                };
                match handshake {
                    Ok(Ok(stream)) => self.serve_stream(stream, client(true), &seat).await,
                    Ok(Err(error)) => Ending::Failed(error.into()),
                    Err(_elapsed) => Ending::Late("the handshake of TLS took too long"),
                }
            }
        };
        log(&ending, address);
    }

    async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        client: Client,
        seat: &Seat,
    ) -> Ending {
        let activity = Arc::clone(&seat.activity);
        let (router, limits) = (self.router.clone(), self.limits);
        let stream = TokioIo::new(Observed::new(stream, Arc::clone(&activity)));
        let service = service_fn(move |request| {
            let under_way = UnderWay::begin(&activity);
            let router = router.clone();
            let reading = UnderWay::begin(&activity);
            async move {
                let answer = match limits.refuse(&request) {
                    Some(status) => refused(status, request.version()),
                    None => {
                        let request = request.map(Body::new);
                        let request = linger::wrap(request, reading, limits.discarded_bytes);
                        answer(router, request, client).await
                    }
                };
                Ok::<_, Infallible>(answer.map(|body| Answer::new(body, under_way)))
            }
        });
        let connection = self.server.serve_connection(stream, service);
        Supervised::new(
            connection,
            Arc::clone(&seat.activity),
            Arc::clone(&self.room),
            self.patience,
        )
        .await
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

fn refused(status: StatusCode, version: Version) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    last(response, version)
}

/// Nothing that follows on a connection of HTTP/1 is believed.
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
        Ending::Left => tracing::debug!(%peer, "a connection made room for another"),
        Ending::Late(reason) => tracing::debug!(%peer, reason, "a connection was closed"),
    }
}
