//! The versions of OData: requests are read as 4.0 or 4.01, and responses are 4.0.

use axum::http::{HeaderMap, HeaderName};

use crate::error::ApiError;

const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
const ODATA_MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");
/// A version in hundredths.
const V4_0: u32 = 400;
const V4_01: u32 = 401;

/// Checks OData-Version, of the request, and OData-MaxVersion, of the response.
pub(super) fn check_versions(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_readable = |version| (V4_0..=V4_01).contains(&version);
    check(headers, &ODATA_VERSION, is_readable, || {
        invalid(
            "OData-Version",
            "a request is read as OData 4.0 or 4.01; send OData-Version: 4.0, or leave it out",
        )
    })?;
    check(
        headers,
        &ODATA_MAX_VERSION,
        |version| version >= V4_0,
        || {
            invalid(
                "OData-MaxVersion",
                "the response is OData 4.0; send OData-MaxVersion: 4.0 or above, or leave it out",
            )
        },
    )
}

fn check(
    headers: &HeaderMap,
    name: &HeaderName,
    is_supported: impl Fn(u32) -> bool,
    rejected: impl Fn() -> ApiError,
) -> Result<(), ApiError> {
    let mut versions = headers.get_all(name).iter().map(|value| {
        let text = value.to_str().ok()?;
        hundredths(text.trim())
    });
    match versions.all(|version| version.is_some_and(&is_supported)) {
        true => Ok(()),
        false => Err(rejected()),
    }
}

fn invalid(target: &str, message: &str) -> ApiError {
    ApiError::bad_request("invalidODataVersion", message).with_target(target)
}

/// `4`, `4.0` and `4.01`, in hundredths.
fn hundredths(text: &str) -> Option<u32> {
    const MAX_DIGITS: usize = 4;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| {
        (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_version = is_number(whole) && is_number(fraction) && fraction.len() <= 2;
    if !is_version {
        return None;
    }
    let scale = if fraction.len() == 1 { 10 } else { 1 };
    Some(whole.parse::<u32>().ok()? * 100 + fraction.parse::<u32>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_decimal_numbers() {
        for (text, expected) in [
            ("4", Some(400)),
            ("4.0", Some(400)),
            ("4.01", Some(401)),
            ("4.1", Some(410)),
            ("10.0", Some(1000)),
            ("3.0", Some(300)),
            ("", None),
            ("four", None),
            ("4.", None),
            ("4.0.1", None),
            ("-4.0", None),
            ("99999", None),
        ] {
            assert_eq!(hundredths(text), expected, "{text}");
        }
    }
}
