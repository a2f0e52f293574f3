//! A transport between the client and the service that does what networks do.

use std::{collections::VecDeque, future::pending, sync::Mutex, time::Duration};

use async_trait::async_trait;
use axum::body::Bytes;
use flowruns_client::{JobError, Transport};
use http::{Request, Response, header};
use tokio::time::{Instant, sleep};

use crate::service::Service;

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing.
    Pass,
    /// It is lost.
    Lose,
    /// It is executed, and its response is lost.
    LoseResponse,
    /// It is never answered, and not executed.
    Hang,
    /// It is executed, and never answered.
    HangAfter,
    /// The connection breaks at once, and the request is executed later.
    Late(Duration),
    /// It is executed twice; the second response is sent.
    Repeat,
    /// It takes this long.
    Slow(Duration),
    /// A response of the service with this status, without executing it, and its Retry-After.
    Refuse(u16, Option<&'static str>),
    /// 200 and a page of a login portal.
    Portal,
    /// It is executed, and the body of its response is cut.
    Cut,
    /// A response with this status, headers and body, without executing the request.
    Respond(u16, &'static [(&'static str, &'static str)], &'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) body: String,
    pub(crate) client_request_id: String,
}

/// Applies faults to requests in order, then one to all that follow.
pub(crate) struct Proxy {
    service: Service,
    state: Mutex<State>,
}

struct State {
    next: VecDeque<Fault>,
    then: Fault,
    is_away: bool,
    /// Requests whose URL has one of these texts are answered with 500.
    defects: Vec<String>,
    sent: Vec<Sent>,
}

impl Proxy {
    pub(crate) fn new(service: Service) -> Self {
        let state = State {
            next: VecDeque::new(),
            then: Fault::Pass,
            is_away: false,
            defects: Vec::new(),
            sent: Vec::new(),
        };
        Self { service, state: Mutex::new(state) }
    }

    /// The faults of the next requests.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().next.extend(faults);
    }

    /// The fault of all requests that have none of their own.
    pub(crate) fn always(&self, fault: Fault) {
        self.state.lock().unwrap().then = fault;
    }

    /// Loses all requests, and keeps the faults for later ones.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.state.lock().unwrap().is_away = is_away;
    }

    /// Requests whose URL has this text are answered with 500.
    pub(crate) fn add_defect(&self, url: &str) {
        self.state.lock().unwrap().defects.push(url.to_owned());
    }

    /// From now on nothing happens to requests.
    pub(crate) fn heal(&self) {
        let mut state = self.state.lock().unwrap();
        state.next.clear();
        state.then = Fault::Pass;
        state.is_away = false;
    }

    /// The requests so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state.lock().unwrap().sent.clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.sent().iter().filter(|sent| sent.method == method).count()
    }

    fn note(&self, request: &Request<Bytes>) -> Fault {
        let id = request.headers().get("client-request-id");
        let sent = Sent {
            at: Instant::now(),
            method: request.method().to_string(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
            client_request_id: id.map_or("", |id| id.to_str().unwrap()).to_owned(),
        };
        let mut state = self.state.lock().unwrap();
        state.sent.push(sent);
        if state.is_away {
            return Fault::Lose;
        }
        let url = request.uri().to_string();
        if state.defects.iter().any(|defect| url.contains(defect)) {
            return Fault::Refuse(500, None);
        }
        state.next.pop_front().unwrap_or_else(|| state.then.clone())
    }
}

#[async_trait]
impl Transport for Proxy {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, JobError> {
        let service = self.service.clone();
        match self.note(&request) {
            Fault::Pass => Ok(service.call(request).await),
            Fault::Lose => Err("connection refused".into()),
            Fault::LoseResponse => {
                service.call(request).await;
                Err("connection reset".into())
            }
            Fault::Hang => pending().await,
            Fault::HangAfter => {
                service.call(request).await;
                pending().await
            }
            Fault::Late(by) => {
                tokio::spawn(async move {
                    sleep(by).await;
                    service.call(request).await;
                });
                Err("connection reset".into())
            }
            Fault::Repeat => {
                service.call(request.clone()).await;
                Ok(service.call(request).await)
            }
            Fault::Slow(by) => {
                sleep(by).await;
                Ok(service.call(request).await)
            }
            Fault::Refuse(status, after) => Ok(refusal(status, after)),
            Fault::Cut => {
                let mut response = service.call(request).await;
                let body = response.body().clone();
                *response.body_mut() = body.slice(..body.len() / 2);
                Ok(response)
            }
            Fault::Respond(status, headers, body) => {
                let response = Response::builder().status(status);
                let response = headers
                    .iter()
                    .fold(response, |response, (name, value)| response.header(*name, *value));
                Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
            }
            Fault::Portal => Ok(Response::new(Bytes::from_static(b"<p>Please sign in</p>"))),
        }
    }
}

fn refusal(status: u16, after: Option<&str>) -> Response<Bytes> {
    let body = serde_json::json!({"error": {
        "code": "test", "message": "refused by the test",
        "innerError": {"code": "test", "request-id": "r", "client-request-id": "c", "date": "d"},
    }});
    let mut response = Response::builder().status(status).header("OData-Version", "4.0");
    if let Some(after) = after {
        response = response.header(header::RETRY_AFTER, after);
    }
    response.body(body.to_string().into()).unwrap()
}
