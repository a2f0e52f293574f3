//! The operations on flows.

mod body;
mod create;
pub(crate) mod describe;
mod list;
mod one;

pub(crate) use self::{
    body::FlowBody,
    create::create_flow,
    list::{count_flows, list_flows},
    one::{delete_flow, flow_response, get_flow, patch_flow, read_selection},
};
