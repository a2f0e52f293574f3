-- Room for one more version of a run in each page. With less room than the fillfactor asks for, PostgreSQL prunes a page
-- each time it is read, so a lower one costs every report and a quarter of the table; pages that are there stay as they are.
ALTER TABLE runs SET (fillfactor = 90);
