-- OCSP answers for the V2G certificates (M06.FR.06), one for each certificate that the hardware side names.
CREATE TABLE STATION_OCSP (
  -- Hash algorithm, hash of the issuer's name and key, serial number.
  CERTIFICATE TEXT PRIMARY KEY NOT NULL,
  REQUEST TEXT NOT NULL,
  -- Base64 of the DER of an OCSPResponse (RFC 6960); none before the first answer.
  RESULT TEXT,
  FETCHED_AT TEXT,
  -- To be fetched anew, however young it is (M06.FR.07).
  STALE INTEGER NOT NULL DEFAULT 1
) STRICT;
