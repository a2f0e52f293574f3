//! The checker itself: sound stores pass it, and whoever breaks a promise is found out.

mod broken;
mod by_hand;
mod decision;
mod lossy;
mod scene;
mod sound;
mod spoilt;
mod tale;
