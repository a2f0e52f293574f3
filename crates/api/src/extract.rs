//! What handlers take from a request, checked in the contract's order.

mod accept;
mod bearer;
mod body;
mod call;
mod preconditions;
mod prefer;
mod properties;
mod timely;

pub(crate) use self::{
    call::{Call, Content, if_match_or_default},
    preconditions::tags,
    prefer::Preference,
    properties::{Properties, date_time, display_name, object, text},
};
