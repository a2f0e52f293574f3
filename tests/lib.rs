//! An empty library: the package holds tests.
