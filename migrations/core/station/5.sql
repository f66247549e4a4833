-- Reservations that hold (H01), as JSON: they outlast a restart, whatever EVerest's Auth remembers.
CREATE TABLE STATION_RESERVATION (ID INTEGER PRIMARY KEY, RESERVATION TEXT NOT NULL) STRICT;
