//! The operations on runs.

mod body;
mod create;
pub(crate) mod describe;
mod history;
mod list;
mod one;
mod projection;

pub(crate) use self::{
    create::create_run,
    history::list_history,
    list::{count_all_runs, count_runs, list_all_runs, list_runs},
    one::{delete_run, get_process, get_run, get_run_by_id, patch_run},
};
