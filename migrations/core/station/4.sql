-- What the CSMS was told last of each monitor, so that a crossing, a difference and a period go on after a restart.
CREATE TABLE STATION_MONITOR_STATE (
  MONITOR_ID INTEGER PRIMARY KEY,
  -- The variable and the type: ids begin anew when the file of the device model is lost.
  SUBJECT TEXT NOT NULL,
  TRIGGERED INTEGER NOT NULL,
  REFERENCE TEXT,
  TOLD_AT TEXT NOT NULL
) STRICT;
