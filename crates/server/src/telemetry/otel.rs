//! Exports traces to a collector over OTLP, if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` names one.
//! The other standard `OTEL_…` variables apply too.

use std::{
    env,
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use axum::http::{HeaderMap, Method, StatusCode};
use flowruns_http::RequestTracer;
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator as _},
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Span, Subscriber, field::Empty};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const SERVICE: &str = "flowruns";

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that exports spans, if a collector is configured. Must be called outside of a runtime: the exporter has its own thread.
pub(super) fn layer<S>() -> anyhow::Result<Option<OpenTelemetryLayer<S, SdkTracer>>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !ENDPOINTS.iter().any(is_set) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .build()
        .context("the exporter of traces cannot be created; check the OTEL_ variables")?;
    let mut resource = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(SERVICE);
    }
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(exporter)
        .build();
    let tracer = PROVIDER.get_or_init(|| provider).tracer(SERVICE);
    Ok(Some(tracing_opentelemetry::layer().with_tracer(tracer)))
}

/// Exports the remaining spans.
pub(super) fn stop() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "the last traces were not exported");
    }
}

/// The tracer that exports requests, if a collector is configured.
pub(super) fn tracer() -> Option<Arc<dyn RequestTracer>> {
    PROVIDER.get().map(|_| Arc::new(Tracer) as _)
}

/// Names spans and fields as the OpenTelemetry conventions for HTTP do.
struct Tracer;

impl RequestTracer for Tracer {
    /// The parent of an item of a batch is its batch; the parent of any other request is the trace that its client names.
    fn begin(&self, method: &Method, headers: &HeaderMap) -> Span {
        let is_item = !Span::current().is_none();
        let span = tracing::error_span!(
            "request",
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = %method,
            http.route = Empty,
            http.response.status_code = Empty,
            request_id = Empty,
            trace_id = Empty,
        );
        if !is_item {
            let parent = TraceContextPropagator::new().extract(&RequestHeaders(headers));
            if let Err(error) = span.set_parent(parent) {
                tracing::debug!(%error, "a trace was not continued");
            }
        }
        let trace_id = span.context().span().span_context().trace_id();
        span.record("trace_id", tracing::field::display(trace_id));
        span
    }

    fn end(&self, span: &Span, method: &Method, route: &'static str, status: StatusCode) {
        span.context().span().update_name(format!("{method} {route}"));
        span.record("http.route", route);
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}

struct RequestHeaders<'a>(&'a HeaderMap);

impl Extractor for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
