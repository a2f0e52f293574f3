//! Pages: `$top`, and `$skiptoken` that is opaque and bound to its list and page size.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flowruns_domain::{PageRequest, PageSize};
use uuid::Uuid;

use super::options::{QueryOptions, invalid};
use crate::error::ApiError;

/// The options of a list.
pub(crate) const LIST_OPTIONS: [&str; 2] = ["top", "skiptoken"];

/// The key of a row as a token carries it.
pub(crate) trait PageKey: Sized {
    /// The bytes of the key.
    fn to_bytes(&self) -> Vec<u8>;
    /// The key of these bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// The list that a token belongs to: the ids on the way to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ListId(pub(crate) Uuid, pub(crate) Uuid);

/// Reads the page that the options ask for.
pub(crate) fn requested<K: PageKey>(
    options: &QueryOptions,
    list: ListId,
) -> Result<PageRequest<K>, ApiError> {
    let size = options
        .get("top")
        .map_or(Ok(PageSize::default()), page_size)?;
    let after = match options.get("skiptoken") {
        None => None,
        Some(token) => Some(read_token(token, list, size).ok_or_else(|| {
            invalid(
                "skiptoken",
                "this token is not of this list; follow @odata.nextLink as it was given",
            )
        })?),
    };
    Ok(PageRequest { size, after })
}

/// The query string of the page after `last`.
pub(crate) fn next_query<K: PageKey>(
    options: &QueryOptions,
    list: ListId,
    size: PageSize,
    last: &K,
) -> String {
    let mut bytes = prefix(list, size);
    bytes.extend(last.to_bytes());
    let token = URL_SAFE_NO_PAD.encode(bytes);
    match options.get("top") {
        Some(_) => format!("$top={}&$skiptoken={token}", size.rows()),
        None => format!("$skiptoken={token}"),
    }
}

fn page_size(text: &str) -> Result<PageSize, ApiError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rows = is_number.then(|| text.parse().ok()).flatten();
    rows.and_then(PageSize::new).ok_or_else(|| {
        invalid(
            "top",
            format!(
                "$top is the number of rows of a page, 0 to {}",
                PageSize::MAX
            ),
        )
    })
}

fn prefix(ListId(outer, inner): ListId, size: PageSize) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(outer.as_bytes());
    bytes.extend(inner.as_bytes());
    bytes.extend(size.rows().to_be_bytes());
    bytes
}

fn read_token<K: PageKey>(token: &str, list: ListId, size: PageSize) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    K::from_bytes(bytes.strip_prefix(prefix(list, size).as_slice())?)
}
