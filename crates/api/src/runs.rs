//! The operations on runs, a file each.

mod body;
mod by_id;
mod create;
mod delete;
mod get;
mod history;
mod list;
mod patch;
mod process;
mod shape;

pub(crate) use self::{
    by_id::get_run_by_id,
    create::create_run,
    delete::delete_run,
    get::get_run,
    history::list_history,
    list::{count_all_runs, count_runs, list_all_runs, list_runs},
    patch::patch_run,
    process::get_process,
};
