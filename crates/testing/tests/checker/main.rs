//! The checker itself: sound stores pass it, and whoever breaks a promise is found out.

mod scene;
mod sound;
