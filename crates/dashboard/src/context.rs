//! What every response to a request needs: links, preferences, the format.

use std::sync::{Arc, OnceLock};

use axum::{
    body::Body,
    extract::Request,
    http::{Uri, request::Parts, uri::PathAndQuery},
};
use flowruns_http::{RequestOrigin, auth::Permission};
use ipnet::IpNet;

use crate::{links::Links, preferences::Preferences, visitor::Visitor};

/// The end of the path of a page that is requested as JSON.
const JSON_SUFFIX: &str = ".json";

/// The format of a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Representation {
    Html,
    Json,
}

/// A visitor, and the value that the forms of the session carry.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) visitor: Visitor,
    pub(crate) form_token: String,
}

/// What every response to a request needs, also one that the pipeline makes.
#[derive(Debug)]
pub(crate) struct PageContext {
    pub(crate) links: Links,
    pub(crate) preferences: Preferences,
    pub(crate) representation: Representation,
    pub(crate) origin: RequestOrigin,
    /// The path and query of the page below the prefix, without the suffix of JSON.
    pub(crate) address: String,
    session: OnceLock<Session>,
}

tokio::task_local! {
    /// The context of the request that the pipeline serves. The pipeline knows only its own part of a request when it writes
    /// the page of a panic or a time-out.
    pub(crate) static CONTEXT: Arc<PageContext>;
}

impl PageContext {
    /// The context of a request. The suffix of JSON is removed from its path, so that the routes have no such suffix.
    pub(crate) fn take_from(request: Request, trusted: &[IpNet]) -> (Arc<Self>, Request) {
        let (parts, body) = request.into_parts();
        let origin = RequestOrigin::of(&parts, trusted);
        let links = Links::new(origin.prefix());
        Self::of_parts((parts, body), origin, links)
    }

    /// The context of a page that is rendered without a request of a browser, with links of this prefix.
    pub(crate) fn of_tick(request: Request, links: Links) -> (Arc<Self>, Request) {
        let (parts, body) = request.into_parts();
        let origin = RequestOrigin::of(&parts, &[]);
        Self::of_parts((parts, body), origin, links)
    }

    fn of_parts(
        (mut parts, body): (Parts, Body),
        origin: RequestOrigin,
        links: Links,
    ) -> (Arc<Self>, Request) {
        let representation = match without_suffix(&parts.uri) {
            Some(uri) => {
                parts.uri = uri;
                Representation::Json
            }
            None => Representation::Html,
        };
        let address = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let context = Arc::new(Self {
            links,
            preferences: Preferences::from_headers(&parts.headers),
            representation,
            origin,
            address,
            session: OnceLock::new(),
        });
        parts.extensions.insert(Arc::clone(&context));
        (context, Request::from_parts(parts, body))
    }

    /// Notes whose session it is. The first one counts.
    pub(crate) fn note_session(&self, session: Session) {
        let _already_noted = self.session.set(session);
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.get()
    }

    /// Whether the visitor has a permission. Buttons of actions that need it are left out otherwise.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.session().is_some_and(|session| session.visitor.may(permission))
    }
}

/// The same address without the suffix of JSON; `None` if it has none.
fn without_suffix(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix(JSON_SUFFIX)?;
    let rest = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_of_json_is_not_part_of_the_address() {
        for (sent, address, representation) in [
            ("/ui.json", "/ui", Representation::Json),
            ("/ui.json?show=late", "/ui?show=late", Representation::Json),
            ("http://localhost/ui/runs.json?a=b.json", "/ui/runs?a=b.json", Representation::Json),
            ("/ui/runs?a=b.json", "/ui/runs?a=b.json", Representation::Html),
        ] {
            let request = Request::builder().uri(sent).body(Body::empty()).unwrap();
            let (context, request) = PageContext::take_from(request, &[]);
            assert_eq!(context.address, address);
            assert_eq!(context.representation, representation, "{sent}");
            assert_eq!(request.uri().path_and_query().unwrap().as_str(), address);
        }
    }
}
