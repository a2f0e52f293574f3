DROP TYPE run_write;
