//! Runs and flows of flowruns in PostgreSQL.
