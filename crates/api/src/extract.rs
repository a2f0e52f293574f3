//! What handlers read from a request, checked in the contract's order.

mod accept;
mod api_request;
mod body_kind;
mod odata_version;
mod path;
mod preconditions;
mod prefer;
mod properties;
mod receive;

pub(crate) use self::{
    accept::names_html,
    api_request::ApiRequest,
    body_kind::{BodyKind, MAX_BATCH_ITEMS},
    path::check_flow_id,
    preconditions::entity_tags,
    prefer::{Preference, preferences},
    properties::{Properties, date_time, display_name, object, text},
};
