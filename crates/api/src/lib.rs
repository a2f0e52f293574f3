//! The HTTP routes of flowruns on any store.
