-- Display messages (O01.FR.10), in the order in which they were set; REMOVED: the display has not confirmed yet that it is gone.
CREATE TABLE STATION_DISPLAY_MESSAGE (
  ID INTEGER PRIMARY KEY,
  MESSAGE_ID INTEGER NOT NULL UNIQUE,
  MESSAGE TEXT NOT NULL,
  REMOVED INTEGER NOT NULL DEFAULT 0
) STRICT;
