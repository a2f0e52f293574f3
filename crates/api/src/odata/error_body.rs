//! The error envelope.

use serde::Serialize;

use crate::error::{ApiError, Detail};

#[derive(Serialize)]
pub(crate) struct Envelope<'a> {
    error: Outer<'a>,
}

#[derive(Serialize)]
struct Outer<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailBody<'a>>,
    #[serde(rename = "innerError")]
    inner_error: Inner<'a>,
}

#[derive(Serialize)]
struct DetailBody<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

#[derive(Serialize)]
struct Inner<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    date: String,
    #[serde(rename = "request-id")]
    request_id: &'a str,
    #[serde(rename = "client-request-id")]
    client_request_id: &'a str,
}

impl<'a> Envelope<'a> {
    pub(crate) fn new(
        error: &'a ApiError,
        date: String,
        request_id: &'a str,
        client_request_id: &'a str,
    ) -> Self {
        Self {
            error: Outer {
                code: error.code(),
                message: &error.message,
                target: error.target.as_deref(),
                details: error.details.iter().map(detail_body).collect(),
                inner_error: Inner {
                    code: error.inner_code,
                    date,
                    request_id,
                    client_request_id,
                },
            },
        }
    }
}

fn detail_body(detail: &Detail) -> DetailBody<'_> {
    let Detail {
        code,
        message,
        target,
    } = detail;
    DetailBody {
        code,
        message,
        target: target.as_deref(),
    }
}
