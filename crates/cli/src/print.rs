//! What commands print: tables for people, JSON and CSV for programs, without terminal escape sequences of other people.

pub(crate) mod csv;
pub(crate) mod json;
mod output;
mod table;
mod terminal;
mod text;
mod waiting;

pub(crate) use self::{
    json::{Format, JsonArguments},
    output::{Output, write},
    table::{Cell, table},
    terminal::{Colour, Terminal},
    text::clean,
    waiting::Waiting,
};
