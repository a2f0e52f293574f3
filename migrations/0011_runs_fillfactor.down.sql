ALTER TABLE runs SET (fillfactor = 70);
