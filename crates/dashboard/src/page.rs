//! A page and its response. A handler makes a view; the view is rendered as HTML or as JSON.

use std::{borrow::Cow, fmt, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use flate2::Compression;
use flowruns_http::{Offload, RequestError, not_modified};
use maud::{Markup, Render};
use serde::Serialize;

use crate::{
    context::{PageContext, Representation},
    encode::{accepts_gzip, entity_tag, gzip, is_known},
    format, layout,
    links::Links,
    live::ViewKey,
    options::DashboardOptions,
};

/// Pages belong to one person. The browser keeps them, so that Back is instant, and asks each time whether they are current.
const CACHING: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Cookie");
/// A shorter page is sent as it is.
const COMPRESS_FROM_BYTES: usize = 512;

/// Level 6, the default, takes twice as long and saves a tenth of the bytes: most of them are ids of runs, which hardly
/// compress. Level 1 gives a third more.
const PAGE_LEVEL: Compression = Compression::new(2);

/// Work on long pages, one piece at a time in the process: documents are parsed and compared, pages are rendered and compressed. It
/// runs on other threads than those of requests, and its limit is not that of the API, so that long pages leave the processors to
/// reports.
pub(crate) static OFFLOAD: Offload = Offload::new(1);

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Area {
    Flows,
    Runs,
    Timeline,
    Report,
}

/// What a page shows, as a plain struct. It is made from one answer of the store and one time, and rendering it reads nothing.
pub(crate) trait View: Json + Send + Sync + 'static {
    /// The title of the window, without the name of the product.
    fn title(&self) -> String;

    /// The entry of the navigation that is current.
    fn area(&self) -> Option<Area>;

    /// The content of the page. It includes its [`fragments`](Self::fragments), which are rendered already.
    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup;

    /// The parts that may change while the page is open: each is one element of the [`body`](Self::body) with its id. They
    /// depend on nothing that differs between two visitors of a tenant with the same permission, so that they are rendered
    /// once for all of them; a form with the token of a session stands outside. Times that pass are written by
    /// [`ticking_ago`](crate::view::time::ticking_ago) and [`ticking_duration`](crate::view::time::ticking_duration), so that a
    /// fragment does not change with time alone.
    ///
    /// While the set of ids is the same, only the fragments that changed are sent. When it changes, each open tab loads the
    /// page: rows that come and go with every report belong into one fragment, their `tbody`; the script changes only what
    /// differs in it.
    fn fragments(&self, _links: &Links) -> Fragments {
        Fragments::default()
    }

    /// One sentence that a screen reader announces when it changes while the page is open, such as `Failed after 8 min.`
    fn announcement(&self) -> String {
        String::new()
    }

    /// Whether the page stays current by itself: its fragments are sent again when they change.
    fn is_live(&self) -> bool {
        false
    }

    /// About how many bytes the page has. A long one is rendered on another thread.
    fn estimated_bytes(&self) -> usize {
        16 * 1024
    }
}

/// A part of a page that may change while the page is open.
pub(crate) struct Fragment {
    /// The id of the element that `markup` is.
    pub(crate) id: Cow<'static, str>,
    pub(crate) markup: Markup,
}

impl Fragment {
    /// The element `markup`, which has this id.
    pub(crate) fn new(id: impl Into<Cow<'static, str>>, markup: Markup) -> Self {
        Self { id: id.into(), markup }
    }
}

/// The parts of a page that may change, in the order of the page. They are most of its bytes, so they are rendered once for the
/// page and for the revision that its stream begins with.
#[derive(Default)]
pub(crate) struct Fragments(Vec<Fragment>);

impl Fragments {
    /// The markup of the fragment with this id, which the view has made.
    pub(crate) fn get(&self, id: &str) -> impl Render {
        let found = self.0.iter().find(|fragment| fragment.id == id);
        debug_assert!(found.is_some(), "no fragment has the id {id}");
        FoundFragment(found)
    }
}

/// The markup of a fragment, which is copied once: into its page.
struct FoundFragment<'a>(Option<&'a Fragment>);

impl Render for FoundFragment<'_> {
    fn render_to(&self, out: &mut String) {
        if let Some(fragment) = self.0 {
            fragment.markup.render_to(out);
        }
    }
}

impl FromIterator<Fragment> for Fragments {
    fn from_iter<I: IntoIterator<Item = Fragment>>(fragments: I) -> Self {
        Self(fragments.into_iter().collect())
    }
}

impl IntoIterator for Fragments {
    type Item = Fragment;
    type IntoIter = std::vec::IntoIter<Fragment>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What can be written as JSON, whatever its type is.
pub(crate) trait Json {
    fn json(&self) -> serde_json::Result<Vec<u8>>;
}

impl<T: Serialize> Json for T {
    fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// What a handler returns.
pub(crate) enum Page {
    /// A view, as HTML or as JSON.
    View { status: StatusCode, view: Arc<dyn View> },
    /// 303 to an address below the prefix.
    Redirect(String),
    /// Something else: an export, a stream of events.
    Response(Box<Response>),
}

impl Page {
    /// A page with status 200.
    pub(crate) fn new(view: impl View) -> Self {
        Self::View { status: StatusCode::OK, view: Arc::new(view) }
    }

    /// A page with another status.
    pub(crate) fn with_status(status: StatusCode, view: impl View) -> Self {
        Self::View { status, view: Arc::new(view) }
    }

    /// 303 to an address below the prefix.
    pub(crate) fn redirect(address: impl fmt::Display) -> Self {
        Self::Redirect(address.to_string())
    }
}

/// The response to a request for a page.
pub(crate) async fn respond(
    page: Page,
    context: &Arc<PageContext>,
    headers: &HeaderMap,
    options: &DashboardOptions,
) -> Result<Response, RequestError> {
    match page {
        Page::Response(response) => Ok(*response),
        Page::Redirect(address) => Ok(see_other(&context.links.to(address))),
        Page::View { status, view } => {
            let context = Arc::clone(context);
            let is_compressed = accepts_gzip(headers);
            let bytes = view.estimated_bytes();
            let (version, key) = (options.version, options.view_key.clone());
            let made = OFFLOAD.run_if_long(bytes, move || {
                Rendered::new(&*view, &context, is_compressed, (version, &key))
            });
            Ok(made.await?.response(status, headers))
        }
    }
}

/// 303 to an address with the prefix.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A rendered page.
struct Rendered {
    content_type: HeaderValue,
    tag: String,
    bytes: Vec<u8>,
    is_compressed: bool,
}

impl Rendered {
    fn new(
        view: &dyn View,
        context: &PageContext,
        is_compressed: bool,
        (version, key): (&'static str, &ViewKey),
    ) -> Result<Self, RequestError> {
        let (content_type, bytes) = match context.representation {
            Representation::Json => (format::JSON, view.json().map_err(RequestError::internal)?),
            Representation::Html => {
                let markup = layout::page(view, context, version, key);
                (format::HTML, markup.into_string().into_bytes())
            }
        };
        let is_compressed = is_compressed && bytes.len() >= COMPRESS_FROM_BYTES;
        let compressed = is_compressed.then(|| gzip(&bytes, PAGE_LEVEL)).flatten();
        let is_compressed = compressed.is_some();
        let bytes = compressed.unwrap_or(bytes);
        Ok(Self { content_type, tag: entity_tag(&bytes), bytes, is_compressed })
    }

    fn response(self, status: StatusCode, sent: &HeaderMap) -> Response {
        let is_known = status == StatusCode::OK && is_known(sent, &self.tag);
        let mut response = match is_known {
            true => not_modified(),
            false => Response::new(Body::from(self.bytes)),
        };
        if !is_known {
            *response.status_mut() = status;
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, CACHING);
        headers.insert(header::VARY, VARY);
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        if !is_known {
            headers.insert(header::CONTENT_TYPE, self.content_type);
            if self.is_compressed {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        response
    }
}
