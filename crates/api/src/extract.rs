//! What handlers take from a request, checked in the contract's order.

mod accept;
mod bearer;
mod body;
mod call;
mod odata_version;
mod path;
mod preconditions;
mod prefer;
mod properties;
mod timely;

pub(crate) use self::{
    call::{Call, Content},
    path::check_flow_id,
    preconditions::entity_tags,
    prefer::{Preference, preferences},
    properties::{Properties, date_time, display_name, object, text},
};
