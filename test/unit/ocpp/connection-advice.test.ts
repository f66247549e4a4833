import { describe, expect, test } from "bun:test";
import { adviceFor } from "../../../src/ocpp/connection-advice.ts";
import { type ConnectionFailure, classifyError, httpFailure } from "../../../src/ocpp/connection-failure.ts";

const error = (code: string, message = code): ConnectionFailure =>
  classifyError(Object.assign(new Error(message), { code }));

describe("each failure of a connection has something that can be done about it", () => {
  test.each([
    ["a wrong name", error("ENOTFOUND", "getaddrinfo ENOTFOUND csms.invalid"), "cannot be resolved"],
    ["a closed port", error("ECONNREFUSED"), "Nobody listens there"],
    ["no route", error("EHOSTUNREACH"), "no way to this address"],
    ["no answer", error("ETIMEDOUT"), "does not answer in time"],
    ["the handshake limit", classifyError(new Error("Opening handshake has timed out")), "does not answer in time"],
    ["a cut", error("ECONNRESET"), "was cut"],
    ["an expired certificate", error("CERT_HAS_EXPIRED"), "certificate of the CSMS does not fit"],
    ["an unknown root", error("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "CSMS root certificates"],
    ["the station's certificate", error("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), "does not take the station's certificate"],
    ["no TLS there", error("ERR_SSL_WRONG_VERSION_NUMBER"), "is the port one of TLS"],
    ["another subprotocol", classifyError(new Error("Server sent no subprotocol")), "does not agree to ocpp2.0.1"],
    ["401", httpFailure(401), "identity or the password"],
    ["404", httpFailure(404), "no such path or station"],
    ["302", httpFailure(302), "has moved"],
    ["503", httpFailure(503), "overloaded"],
    ["500", httpFailure(500), "fault of its own"],
    ["200", httpFailure(200), "no CSMS"],
    ["own settings", { kind: "configuration", text: "no identity" } as const, "own settings"],
    ["something else", classifyError(new Error("")), "network does not lead"],
  ])("%s", (_name, failure, words) => expect(adviceFor(failure)).toContain(words));
});
