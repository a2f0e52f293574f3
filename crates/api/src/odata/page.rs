//! Pages: `$top`, `$skip`, `$count`, and the link to the next one.

use axum::response::Response;
use flowruns_domain::query::{Continuation, PageSize};

use super::{
    cursor::{Binding, Cursor, read_token, write_token},
    options::{QueryOptions, invalid},
};
use crate::{error::ApiError, state::Api};

/// The options of a list that is only paged.
pub(crate) const LIST_OPTIONS: [&str; 3] = ["top", "skiptoken", "format"];
/// The options of a list that is queried.
pub(crate) const QUERY_OPTIONS: [&str; 9] =
    ["filter", "orderby", "select", "top", "skip", "count", "expand", "skiptoken", "format"];

/// The maximum of `$skip`.
const MAX_SKIP: usize = 1000;

/// The maximum size of the content of a page, in bytes: 1 MiB, which the items of a batch share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageBytes(pub(crate) u32);

impl Default for PageBytes {
    fn default() -> Self {
        Self(PageSize::MAX_BYTES)
    }
}

impl PageBytes {
    /// The share of each request of a batch of this size.
    pub(crate) fn shared_by(requests: usize) -> Self {
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        Self(PageSize::MAX_BYTES / requests.max(1))
    }
}

/// The requested page.
pub(crate) struct Requested<C> {
    pub(crate) size: PageSize,
    pub(crate) skip: usize,
    pub(crate) after: Option<C>,
}

/// Reads the page that the options request.
pub(crate) fn requested<C: Cursor>(
    api: &Api,
    options: &QueryOptions,
    binding: &Binding<'_>,
) -> Result<Requested<C>, ApiError> {
    json_format(options)?;
    let size = options.get("top").map_or(Ok(PageSize::default()), page_size)?;
    let preferred = options.max_page_size();
    let size = preferred.and_then(|preferred| preferred.below(size)).unwrap_or(size);
    let skip = options.get("skip").map_or(Ok(0), skipped_rows)?;
    let Some(token) = options.get("skiptoken") else {
        return Ok(Requested { size, skip, after: None });
    };
    let (after, skip) = read_token(&api.options.cursor_key, binding, token).ok_or_else(|| {
        invalid(
            "skiptoken",
            "this token is not of this list; follow @odata.nextLink as it was given",
        )
    })?;
    Ok(Requested { size, skip, after: Some(after) })
}

/// The query string of the next page: the same options, and its token.
pub(crate) fn next_query<C: Cursor>(
    api: &Api,
    options: &QueryOptions,
    binding: &Binding<'_>,
    next: &Continuation<C>,
) -> String {
    let token = write_token(&api.options.cursor_key, binding, &next.after, next.skip);
    let mut query = options.encoded_without("skiptoken");
    query.push_str("$skiptoken=");
    query.push_str(&token);
    query
}

/// Adds Preference-Applied to a page of a list if the preferred page size was applied: if the page would be larger without
/// it.
pub(crate) fn with_preference(mut response: Response, options: &QueryOptions) -> Response {
    let size = options.get("top").map_or(Ok(PageSize::default()), page_size);
    if let (Some(preferred), Ok(size)) = (options.max_page_size(), size)
        && preferred.below(size).is_some()
    {
        preferred.insert_applied(response.headers_mut());
    }
    response
}

/// Whether `$count=true`.
pub(crate) fn wants_count(options: &QueryOptions) -> Result<bool, ApiError> {
    match options.get("count") {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(invalid("count", "$count is true or false")),
    }
}

/// Rejects a `$format` other than JSON.
pub(crate) fn json_format(options: &QueryOptions) -> Result<(), ApiError> {
    check_format(options, &["json", "application/json"])
}

/// Whether `$format`, if it is sent, is one of these media types, in any case and with any parameters.
pub(crate) fn check_format(options: &QueryOptions, formats: &[&str]) -> Result<(), ApiError> {
    let Some(format) = options.get("format") else {
        return Ok(());
    };
    let media_type = format.split(';').next().unwrap_or_default().trim();
    match formats.iter().any(|known| known.eq_ignore_ascii_case(media_type)) {
        true => Ok(()),
        false => {
            let message = format!("$format is {} here", formats.join(" or "));
            Err(invalid("format", message))
        }
    }
}

fn page_size(text: &str) -> Result<PageSize, ApiError> {
    number(text).and_then(PageSize::new).ok_or_else(|| {
        invalid("top", format!("$top is the number of rows of a page, 0 to {}", PageSize::MAX))
    })
}

fn skipped_rows(text: &str) -> Result<usize, ApiError> {
    let rows = number(text).map(usize::from);
    rows.filter(|rows| *rows <= MAX_SKIP).ok_or_else(|| {
        invalid(
            "skip",
            format!(
                "$skip is a number of rows, 0 to {MAX_SKIP}; to go further, follow @odata.nextLink"
            ),
        )
    })
}

fn number(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
