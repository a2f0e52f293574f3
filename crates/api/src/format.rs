//! The format of responses: the error object of Graph, the headers of OData, and what pages of other origins may see.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use flowruns_domain::timestamp::Timestamp;
use flowruns_http::{
    AllowedOrigin, CorsPolicy, ErrorBody, ErrorDetail, RequestContext, RequestError, ResponseFormat,
};
use serde::Serialize;
use uuid::fmt::Hyphenated;

use crate::respond;

const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
/// Every method of a route.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
/// The headers that the API reads, and those that clients of Graph always send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, accept-language, authorization, cache-control, client-request-id, consistencylevel, content-type, \
     idempotency-key, if-match, if-none-match, odata-maxversion, odata-version, prefer, return-client-request-id, \
     sdkversion, traceparent, tracestate, x-requested-with",
);
/// The headers that a page may read in addition to those that every page may.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Retry-After, request-id, client-request-id, Preference-Applied, OData-Version, OData-EntityId, \
     Idempotency-Replayed, WWW-Authenticate, Allow, Accept-Patch, Accept-Encoding, Date",
);

/// The format of this API.
pub(crate) struct ODataFormat;

impl ODataFormat {
    /// The policy for pages of these origins.
    pub(crate) const fn cors(origins: Vec<AllowedOrigin>) -> CorsPolicy {
        CorsPolicy {
            origins,
            methods: METHODS,
            request_headers: REQUEST_HEADERS,
            response_headers: RESPONSE_HEADERS,
        }
    }
}

impl ResponseFormat for ODataFormat {
    fn error_body(
        &self,
        error: &RequestError,
        context: &RequestContext,
        now: Timestamp,
    ) -> ErrorBody {
        let mut buffer = [0; Hyphenated::LENGTH];
        let request_id = context.request_id().hyphenated();
        let request_id: &str = request_id.encode_lower(&mut buffer);
        let client_request_id = context.client_request_id().unwrap_or(request_id);
        let body = ErrorObject::new(error, now.to_string(), request_id, client_request_id);
        ErrorBody {
            content_type: HeaderValue::from_static("application/json"),
            // Text and numbers can always be written.
            bytes: serde_json::to_vec(&body).unwrap_or_default(),
        }
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    }

    /// An entity that was written can be read again, so that the client gets the response to `Prefer: return=minimal`.
    fn remove_body(&self, response: &mut Response) -> bool {
        let is_written = matches!(response.status(), StatusCode::OK | StatusCode::CREATED);
        let is_entity = is_written && response.headers().contains_key(header::ETAG);
        if is_entity {
            respond::make_minimal(response);
        }
        is_entity
    }
}

/// The body of a failed response.
#[derive(Serialize)]
struct ErrorObject<'a> {
    error: OuterError<'a>,
}

#[derive(Serialize)]
struct OuterError<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailObject<'a>>,
    #[serde(rename = "innerError")]
    inner_error: InnerError<'a>,
}

#[derive(Serialize)]
struct DetailObject<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

#[derive(Serialize)]
struct InnerError<'a> {
    code: &'a str,
    date: String,
    #[serde(rename = "request-id")]
    request_id: &'a str,
    #[serde(rename = "client-request-id")]
    client_request_id: &'a str,
}

impl<'a> ErrorObject<'a> {
    fn new(
        error: &'a RequestError,
        date: String,
        request_id: &'a str,
        client_request_id: &'a str,
    ) -> Self {
        let inner_error = InnerError { code: error.code, date, request_id, client_request_id };
        Self {
            error: OuterError {
                code: status_code(error.status),
                message: &error.message,
                target: error.target.as_deref(),
                details: error.details.iter().map(detail_object).collect(),
                inner_error,
            },
        }
    }
}

fn detail_object(detail: &ErrorDetail) -> DetailObject<'_> {
    let ErrorDetail { code, message, target } = detail;
    DetailObject { code, message, target: target.as_deref() }
}

/// `error.code`: the phrase of the status in camelCase.
fn status_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "badRequest",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "notFound",
        StatusCode::METHOD_NOT_ALLOWED => "methodNotAllowed",
        StatusCode::NOT_ACCEPTABLE => "notAcceptable",
        StatusCode::REQUEST_TIMEOUT => "requestTimeout",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PRECONDITION_FAILED => "preconditionFailed",
        StatusCode::PAYLOAD_TOO_LARGE => "payloadTooLarge",
        StatusCode::URI_TOO_LONG => "uriTooLong",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupportedMediaType",
        StatusCode::FAILED_DEPENDENCY => "failedDependency",
        StatusCode::UNPROCESSABLE_ENTITY => "unprocessableEntity",
        StatusCode::PRECONDITION_REQUIRED => "preconditionRequired",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "requestHeaderFieldsTooLarge",
        StatusCode::TOO_MANY_REQUESTS => "tooManyRequests",
        StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
        _ => "internalServerError",
    }
}
