-- What the configuration file said when it was last applied: tells an edited file from a changed value.
CREATE TABLE IF NOT EXISTS STATION_APPLIED_VALUE (ATTRIBUTE_ID INTEGER PRIMARY KEY, VALUE TEXT NOT NULL) STRICT;
