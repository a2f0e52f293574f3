//! The page of a problem: what happened, and what a person can do.

use flowruns_http::RequestError;
use maud::{Markup, html};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    context::PageContext,
    json::text,
    layout::{self, Frame, request_line},
    links,
    problem::Explanation,
    view::icon::{Icon, icon},
};

/// The page of a failure.
pub(crate) fn page(
    error: &RequestError,
    explanation: &Explanation,
    page: &PageContext,
    (request, version): (Uuid, &'static str),
) -> Markup {
    let frame = Frame { title: &explanation.title, area: None, stream: None, version };
    layout::document(&frame, page, &body(error, explanation, page, request))
}

fn body(
    error: &RequestError,
    explanation: &Explanation,
    page: &PageContext,
    request: Uuid,
) -> Markup {
    let is_away = error.status.as_u16() == 503;
    let picture = match error.status.is_server_error() {
        true => Icon::Error,
        false => Icon::Warning,
    };
    html! {
        section.panel.center {
            div.row { (icon(picture)) h1 { (explanation.title) } }
            @if !error.details.is_empty() {
                ul.faults {
                    @for detail in &error.details {
                        li {
                            @if let Some(target) = &detail.target { code { bdi { (target) } } " " }
                            (detail.message)
                        }
                    }
                }
            }
            p { (error.message) }
            @if is_away { p { "This page tries again every 5 seconds, and returns to the same address." } }
            (request_line(error, request, page))
            (actions(explanation, page, is_away || error.status.is_server_error()))
        }
    }
}

fn actions(explanation: &Explanation, page: &PageContext, may_repeat: bool) -> Markup {
    let has_own = !explanation.actions.is_empty();
    html! {
        div.row {
            @if may_repeat {
                a.btn.main href=(page.links.to(&page.address)) { "Try again" }
            }
            @for (at, action) in explanation.actions.iter().enumerate() {
                a.btn.main[at == 0 && !may_repeat] href=(page.links.to(&action.address)) { (action.label) }
            }
            @if page.session().is_some() {
                a.btn.main[!may_repeat && !has_own] href=(page.links.to(links::OVERVIEW)) { "All flows" }
            } @else {
                a.btn href=(page.links.to(links::OVERVIEW)) { "Start page" }
            }
        }
    }
}

/// The body of a failed response as JSON.
#[derive(Serialize)]
pub(crate) struct ErrorObject<'a> {
    error: Failure<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    code: &'a str,
    title: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail<'a>>,
    #[serde(serialize_with = "text")]
    request_id: Uuid,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
}

impl<'a> ErrorObject<'a> {
    pub(crate) fn new(
        error: &'a RequestError,
        explanation: &'a Explanation,
        request: Uuid,
    ) -> Self {
        let details = error
            .details
            .iter()
            .map(|detail| Detail { message: &detail.message, target: detail.target.as_deref() });
        Self {
            error: Failure {
                code: error.code,
                title: &explanation.title,
                message: &error.message,
                details: details.collect(),
                request_id: request,
            },
        }
    }
}
