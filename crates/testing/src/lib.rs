//! The conformance suite for any store of flowruns, a memory store, and scratch databases.
