//! Reports of one run: what waits, in which order it is sent, and what becomes of it.

mod delivery;
mod end;
mod fallback;
mod mailbox;
mod reporter;
mod resolve;
mod step;
mod ticket;

pub(crate) use self::{
    end::{End, EndReason},
    fallback::{Fallback, fallback},
    mailbox::{Mailbox, QueueBytes},
    reporter::{Creation, Reporter},
    step::{Step, StepKind},
    ticket::{TicketKind, Tickets, Totals, Unsettled},
};
