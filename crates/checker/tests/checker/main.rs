//! The checker itself: sound stores pass it, and whoever breaks a promise is found out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod broken;
mod by_hand;
mod decision;
mod lossy;
mod scene;
mod sound;
mod spoilt;
mod tale;
