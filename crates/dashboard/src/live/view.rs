//! What a page gives so that it can be live.

use std::{borrow::Cow, error::Error};

use async_trait::async_trait;
use flowruns_domain::id::TenantId;
use flowruns_http::auth::Permission;
use thiserror::Error;

use crate::links::Links;

/// Everything of a visitor that may change the bytes of a page's fragments. Visitors with equal audiences share a watch, so a
/// fragment must contain nothing else of a visitor: no name, no token of a form (the form stands outside of the fragments, and
/// its inputs name it with their attribute `form`), no theme and no time zone (the script writes local times).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Audience {
    /// The tenant whose rows are shown.
    pub(crate) tenant: TenantId,
    /// Decides which buttons and check boxes are shown.
    pub(crate) permission: Permission,
    /// Links begin with the path prefix that a proxy removes.
    pub(crate) links: Links,
}

/// The parts of a page that may change. Their ids depend only on the address and on which rows the page lists; when a row is
/// added or removed, open tabs get the whole page.
///
/// Text that changes with time alone changes at most once a minute: seconds are left to the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct LivePage {
    /// In the order of the page.
    pub(crate) fragments: Vec<LiveFragment>,
    /// The title of the document.
    pub(crate) title: String,
    /// One sentence that a screen reader announces when it changes, such as `Failed after 8 min.`; empty for none.
    pub(crate) summary: String,
}

/// A part of a page that may change: one element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LiveFragment {
    /// The id of the element.
    pub(crate) id: Cow<'static, str>,
    /// The element.
    pub(crate) html: String,
}

/// Why a page cannot be rendered.
#[derive(Debug, Error)]
pub(crate) enum LiveError {
    /// What it shows does not exist any more, or the visitor may not see it.
    #[error("the page does not exist any more")]
    Gone,
    /// The store failed. The source is for the log only.
    #[error("the page cannot be rendered now")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Renders pages again. The implementation uses the code that rendered them first.
#[async_trait]
pub(crate) trait LiveViews: Send + Sync + 'static {
    /// The parts of the page at an address that this program has signed.
    async fn render(&self, audience: &Audience, address: &str) -> Result<LivePage, LiveError>;
}
