-- Other names of stored tokens: spellings in other letters, contract certificates. Hashes only.
CREATE TABLE STATION_TOKEN_ALIAS (
  ALIAS TEXT NOT NULL,
  ID_TOKEN_HASH TEXT NOT NULL,
  PRIMARY KEY (ALIAS, ID_TOKEN_HASH)
) STRICT, WITHOUT ROWID;
