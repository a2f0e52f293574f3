//! x
#![allow(missing_docs)]
mod clock; mod display_name; mod id; pub mod json; mod timestamp;
pub use self::{clock::*, display_name::*, id::*, timestamp::*};
