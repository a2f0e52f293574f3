//! The addresses of the gate, and the page that offers the sign-in.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, Method, header},
    response::Response,
};
use flowruns_http::{CallerId, Peer, Priority};
use maud::{Markup, html};

use crate::{
    address::Parameters,
    context::{PageContext, Session},
    format, layout,
    layout::Frame,
    live::Live,
    options::Dashboard,
    page, policy,
    problem::{Problem, incomplete_form},
    request::{FORM_TOKEN, contexts},
    view::icon::logo,
    visitor::{SignInMessage, SignInPage, SignInRequest, SignInResponse, VisitorPath},
};

/// The longest form, in bytes.
const MAX_FORM_BYTES: usize = 8 * 1024;

/// Lets the gate respond.
pub(crate) async fn respond(
    dashboard: Arc<Dashboard>,
    page: Arc<PageContext>,
    request: Request,
    path: VisitorPath,
) -> Result<Response, Problem> {
    let options = &dashboard.options;
    policy::check_host(&page.origin, &options.hosts)?;
    let (parts, body) = request.into_parts();
    let (context, _) = contexts(&parts)?;
    options.admission.admit(&context, CallerId::SHARED, Priority::List, MAX_FORM_BYTES)?;
    let now = options.environment.clock.now();
    let visitor = options.gate.visitor(&parts.headers, now).ok();
    let mut form = bytes::Bytes::new();
    if parts.method == Method::POST {
        policy::check_same_origin(&parts.headers, &page.origin)?;
        form = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| incomplete_form())?;
        let sent = Parameters::of_form(&form).take(FORM_TOKEN, |text| Ok(text.to_owned()));
        let is_own = visitor.as_ref().is_none_or(|visitor| {
            sent.is_some_and(|token| options.gate.is_form_token(visitor, &token))
        });
        if !is_own {
            return Err(Problem::forbidden_form());
        }
    }
    let live = parts.extensions.get::<Arc<Live>>().cloned();
    let request = SignInRequest {
        path,
        method: parts.method,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        form,
        origin: page.origin.clone(),
        peer: parts.extensions.get().map(|Peer(address)| *address),
        visitor: visitor.clone(),
        now,
    };
    let response = options.gate.respond(request).await?;
    if let (VisitorPath::SignOut, Some(visitor), Some(live)) = (path, &visitor, live) {
        live.end_session(visitor.session);
    }
    if let (SignInResponse::Page(_), Some(visitor)) = (&response, visitor) {
        let form_token = options.gate.form_token(&visitor);
        page.note_session(Session { visitor, form_token });
    }
    Ok(shown(response, &page, options.version))
}

fn shown(response: SignInResponse, page: &PageContext, version: &'static str) -> Response {
    match response {
        SignInResponse::Redirect { location, cookies, clears_cache } => {
            let mut response = page::see_other(&location);
            let headers = response.headers_mut();
            headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
            if clears_cache {
                let cache = HeaderValue::from_static("\"cache\"");
                headers.insert(header::HeaderName::from_static("clear-site-data"), cache);
            }
            response
        }
        SignInResponse::Page(sign_in) => {
            let frame = Frame { title: "Sign in", area: None, stream: None, version };
            let html = layout::document(&frame, page, &body(&sign_in, page));
            let mut response = Response::new(Body::from(html.into_string()));
            response.headers_mut().insert(header::CONTENT_TYPE, format::HTML);
            response
        }
    }
}

fn body(sign_in: &SignInPage, page: &PageContext) -> Markup {
    html! {
        section.panel.center {
            div.row { (logo()) h1 { "Sign in to flowruns" } }
            @if let Some(message) = sign_in.message { p.note role="status" { (sentence(message)) } }
            @match &sign_in.start {
                Some(link) => {
                    p { "You will return to " code.break-anywhere { (sign_in.next) } "." }
                    div.row {
                        a.btn.main href=(page.links.to(&link.address)) { "Continue with " (link.host) }
                        @if let Some(address) = &sign_in.sign_out {
                            a.btn href=(address) { "Sign out of " (link.host) " too" }
                        }
                    }
                }
                None => {
                    p { "This server signs people in with a link that works once." }
                    ol.prose {
                        li { "On the machine of the server run " code { "flowruns open" } "." }
                        li { "Open the link that it prints, within ten minutes. The command " code { "flowruns serve" } " prints such a link when it starts, too." }
                    }
                }
            }
        }
    }
}

const fn sentence(message: SignInMessage) -> &'static str {
    match message {
        SignInMessage::SignedOut => "You are signed out.",
        SignInMessage::LinkUsed => {
            "This link was used already: each link works once. Make a new one."
        }
        SignInMessage::LinkTooOld => {
            "This link is too old: a link works for ten minutes, and until the server restarts. Make a new one."
        }
        SignInMessage::LinkInvalid => {
            "This is no link of this server, or it was not copied completely. Copy it again, or make a new one."
        }
        SignInMessage::TooManyLinks => {
            "Too many links were used in the last ten minutes, so this one was not accepted. Make a new one in some minutes."
        }
        SignInMessage::StateLost => {
            "The sign-in took too long, or began in another browser. Begin again."
        }
        SignInMessage::Declined => {
            "The issuer did not sign you in. Begin again, or ask an administrator of the application."
        }
        SignInMessage::Expired => "Your session has expired.",
    }
}
