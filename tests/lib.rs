//! Holds the package; the stories are tests.
