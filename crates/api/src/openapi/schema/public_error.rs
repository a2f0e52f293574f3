//! publicError and its parts: open types.

use utoipa::openapi::ObjectBuilder;

use super::{any_members, list_of, reference, texts};

const PUBLIC_ERROR: &str = "An open type, at most 64 KiB and 16 levels. A report is merged into it member by member; empty \
    arrays and objects and null members are dropped, and one that is empty then is null. Of one that is too large the longest \
    strings are cut; each of them ends in `… [cut, N bytes]`, with the length that was sent.";

pub(super) fn public_error_detail() -> ObjectBuilder {
    texts(&["code", "message", "target"]).additional_properties(any_members())
}

pub(super) fn public_inner_error() -> ObjectBuilder {
    texts(&["@odata.type", "code", "message", "target"])
        .property("details", list_of("publicErrorDetail"))
        .additional_properties(any_members())
}

pub(super) fn public_error() -> ObjectBuilder {
    public_inner_error()
        .property("innerError", reference("publicInnerError"))
        .description(Some(PUBLIC_ERROR))
}
