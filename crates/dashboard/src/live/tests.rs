//! Live pages on a clock that the tests advance, with a page that they change.

mod fixture;
mod limits;
mod streams;
mod ticks;
