//! The switches of theme and zone: POST `/ui/preferences`.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};

use crate::{
    address::Parameters,
    context::PageContext,
    links,
    options::Dashboard,
    page, policy,
    preferences::{Theme, Zone, keep_theme, keep_zone},
    problem::{Problem, incomplete_form},
};

/// The longest form, in bytes: a switch, and the address to return to.
const MAX_FORM_BYTES: usize = 8 * 1024;

/// Keeps a preference in a cookie and returns to the page. It needs no session: the sign-in page has the switches too.
pub(crate) async fn post(
    dashboard: Arc<Dashboard>,
    page: Arc<PageContext>,
    request: Request,
) -> Result<Response, Problem> {
    policy::check_host(&page.origin, &dashboard.options.hosts)?;
    let (parts, body) = request.into_parts();
    policy::check_same_origin(&parts.headers, &page.origin)?;
    let body = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| incomplete_form())?;
    let mut form = Parameters::of_form(&body);
    let unknown = || "It is not offered.".to_owned();
    let theme = form.take("theme", |name| Theme::from_name(name).ok_or_else(unknown));
    let zone = form.take("zone", |name| Zone::from_name(name).ok_or_else(unknown));
    let next = form.take("next", |next| match links::is_own(next) {
        true => Ok(next.to_owned()),
        false => Err("It is not the address of a page.".to_owned()),
    });
    form.finish(links::OVERVIEW)?;
    let next = next.unwrap_or_else(|| links::OVERVIEW.to_owned());
    let mut response = page::see_other(&page.links.to(next));
    let path = page.links.to(links::OVERVIEW);
    let kept = [
        theme.and_then(|theme| keep_theme(theme, &path)),
        zone.and_then(|zone| keep_zone(zone, &path)),
    ];
    let cookies = kept.into_iter().flatten();
    response.headers_mut().extend(cookies.map(|cookie: HeaderValue| (header::SET_COOKIE, cookie)));
    Ok(response)
}
