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
    one::{answer_flow, delete_flow, get_flow, read_selection},
    patch::patch_flow,
};
