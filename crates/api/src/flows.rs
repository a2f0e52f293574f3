//! The operations on flows.

mod body;
mod create;
mod list;
mod one;
mod patch;

pub(crate) use self::{
    body::FlowBody,
    create::create_flow,
    list::{count_flows, list_flows},
    one::{delete_flow, get_flow},
    patch::patch_flow,
};
