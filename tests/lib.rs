//! Holds the package; the stories are tests.
#![cfg_attr(doctest, doc = include_str!("../docs/crates.md"))]
