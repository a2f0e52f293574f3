//! Bodies of requests: in time, and within the limits of admission.

mod minimum_rate;
mod parsed_size;
mod reader;
mod timed_body;

pub use self::{
    minimum_rate::MinimumRate,
    parsed_size::parsed_size,
    reader::{BodyLimits, BodyReader},
};
