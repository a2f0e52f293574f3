//! An empty library: the package holds tests.
#![cfg_attr(doctest, doc = include_str!("../docs/crates.md"))]
#![cfg_attr(doctest, doc = include_str!("../docs/reporting.md"))]
