//! What a front gets from the pipeline, shown with a front of pages for people.

#![expect(clippy::expect_used, reason = "a failure of a test's own steps is a failed test")]

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    timestamp::Timestamp,
};
use flowruns_http::{
    Admission, AdmissionLimits, CallerId, CorsPolicy, Deadline, ErrorBody, Limits, Overloaded,
    PipelineOptions, Priority, RequestContext, RequestError, RequestPipeline, ResponseFormat,
    RouteName, StreamingResponse,
};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use uuid::Uuid;

const EVENTS: RouteName = RouteName::new(0, "/pages/events");
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Errors as pages.
struct Pages;

impl ResponseFormat for Pages {
    fn error_body(
        &self,
        error: &RequestError,
        context: &RequestContext,
        _now: Timestamp,
    ) -> ErrorBody {
        let page = format!("<p>{} ({})</p>", error.code, context.request_id());
        ErrorBody { content_type: HeaderValue::from_static("text/html"), bytes: page.into_bytes() }
    }
}

struct Front {
    pipeline: RequestPipeline<Pages>,
    admission: Admission,
    metrics: PrometheusHandle,
}

impl Front {
    fn new() -> Arc<Self> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let any = HeaderValue::from_static("GET");
        let options = PipelineOptions {
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
            request_timeout: REQUEST_TIMEOUT,
            trusted_proxies: Vec::new(),
            cors: CorsPolicy {
                origins: Vec::new(),
                methods: any.clone(),
                request_headers: any.clone(),
                response_headers: any,
            },
            tracer: None,
        };
        let limits = Limits {
            admission: AdmissionLimits { requests: 4, bytes: 1024 * 1024, caller_percent: 100 },
            ..Limits::default()
        };
        Arc::new(Self {
            pipeline: metrics::with_local_recorder(&recorder, || {
                RequestPipeline::new(options, Pages, 1)
            }),
            admission: Admission::new(limits),
            metrics: recorder.handle(),
        })
    }

    /// Admits a request; its context holds the permit.
    fn admit(&self, context: &RequestContext, priority: Priority) -> Result<(), Overloaded> {
        let admitted = self.admission.admit(context, CallerId::SHARED, priority, 0);
        admitted.map(drop)
    }

    /// The value of the metric of requests in flight.
    fn in_flight(&self) -> String {
        let shown = self.metrics.render();
        let name = "flowruns_http_requests_in_flight ";
        let mut lines = shown.lines();
        let value = lines.find_map(|line| line.strip_prefix(name));
        value.unwrap_or("none").to_owned()
    }

    /// The response of a handler.
    async fn response(&self, handler: impl AsyncFnOnce(Request) -> Response) -> Response {
        let request = Request::new(Body::empty());
        self.pipeline.serve(request, |request| handler(request)).await
    }
}

fn context(request: &Request) -> Arc<RequestContext> {
    request.extensions().get().cloned().expect("a context")
}

/// A streaming response, and the sender of its frames.
fn streaming() -> (mpsc::Sender<Frame<Bytes>>, Response) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = futures_util::stream::unfold(receiver, async |mut receiver| {
        let frame = receiver.recv().await?;
        Some((Ok::<_, Infallible>(frame), receiver))
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.extensions_mut().insert(StreamingResponse);
    (sender, response)
}

#[tokio::test(start_paused = true)]
async fn a_stream_passes_through_frame_by_frame_and_is_in_flight_until_it_ends() {
    let front = Front::new();
    let (sender, stream) = streaming();
    let response = front
        .response(async |request| {
            let context = context(&request);
            front.admit(&context, Priority::List).unwrap();
            context.note_route(EVENTS);
            stream
        })
        .await;
    assert!(StreamingResponse::is_set(&response));
    let mut body = response.into_body();
    for number in 0..3_u8 {
        // Longer than any other response may take.
        tokio::time::sleep(REQUEST_TIMEOUT * 2).await;
        let sent = Bytes::from(vec![number; 64 * 1024]);
        sender.send(Frame::data(sent.clone())).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), sent);
        assert_eq!(front.in_flight(), "1");
        assert!(is_full(&front));
    }
    let trailers = [(header::ETAG, HeaderValue::from_static("last"))];
    let trailers = Frame::trailers(trailers.into_iter().collect());
    sender.send(trailers).await.unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap()[header::ETAG], "last");
    drop(sender);
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(front.in_flight(), "0");
    assert!(!is_full(&front));
}

fn new_context() -> RequestContext {
    let deadline = Deadline::new(Instant::now(), REQUEST_TIMEOUT);
    RequestContext::new(Uuid::nil(), deadline, &HeaderMap::new())
}

/// Whether no further request of the lowest priority is admitted; one may be in progress.
fn is_full(front: &Front) -> bool {
    front.admit(&new_context(), Priority::List).is_err()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_client_leaves_is_not_in_flight_any_more() {
    let front = Front::new();
    let (sender, stream) = streaming();
    let response = front.response(async |_| stream).await;
    assert_eq!(front.in_flight(), "1");
    drop(response);
    assert_eq!(front.in_flight(), "0");
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_long_body_in_memory_is_charged_until_it_is_sent() {
    let front = Front::new();
    let long = Bytes::from(vec![0; 32 * 1024]);
    let admitted = async |request: Request| {
        let context = context(&request);
        front.admit(&context, Priority::List).unwrap();
        Response::new(Body::from(long.clone()))
    };
    let response = front.response(admitted).await;
    assert!(is_full(&front));
    let sent = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(sent, long);
    drop(sent);
    assert!(!is_full(&front));
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_the_status_headers_and_format_of_the_front() {
    let front = Front::new();
    let cases: [(Response, StatusCode, &str); 2] = [
        (
            front.response(async |_| panic!("the handler failed")).await,
            StatusCode::INTERNAL_SERVER_ERROR,
            "<p>internalServerError (",
        ),
        (
            front.response(async |_| std::future::pending().await).await,
            StatusCode::SERVICE_UNAVAILABLE,
            "<p>requestTimeout (",
        ),
    ];
    for (response, status, page) in cases {
        assert_eq!(response.status(), status);
        let id = response.headers()["request-id"].to_str().unwrap().to_owned();
        assert_eq!(response.headers()["client-request-id"], *id);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("{page}{id})</p>"));
    }
    assert_eq!(front.in_flight(), "0");
}

/// The routes of a front, which only know the part of the path below the front's own.
fn routes(front: &Arc<Front>) -> Router {
    let (front, pages) =
        (Arc::clone(front), Router::new().route("/events", get(|| async { "the events" })));
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let (front, pages) = (Arc::clone(&front), pages.clone());
        async move {
            let handler = |request| async move { pages.oneshot(request).await.into_response() };
            Ok::<_, Infallible>(front.pipeline.serve(request, handler).await)
        }
    }))
}

#[tokio::test]
async fn a_front_below_its_own_path_shares_the_process_with_another_one() {
    let front = Front::new();
    let other = Router::new().fallback(|| async { "another front" });
    let process = Router::new().nest("/pages", routes(&front)).fallback_service(other);
    for (path, body, has_id) in
        [("/pages/events", "the events", true), ("/elsewhere", "another front", false)]
    {
        let request = Request::builder().method(Method::GET).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let response = process.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers().contains_key("request-id"), has_id);
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, body);
    }
    // The lowest priority has a quarter of the requests; the others are left to the other front.
    let held = new_context();
    front.admit(&held, Priority::List).unwrap();
    assert!(is_full(&front));
    let read = new_context();
    assert!(front.admit(&read, Priority::Read).is_ok());
}
