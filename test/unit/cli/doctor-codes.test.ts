import { expect, test } from "bun:test";
import { join } from "node:path";
import { diagnose } from "../../../src/cli/doctor/diagnosis.ts";
import {
  type ConnectionFailure,
  classifyError,
  httpFailure,
  tlsFailure,
} from "../../../src/ocpp/connection-failure.ts";

const DOCTOR = join(import.meta.dir, "../../../src/cli/doctor");
const failed = (code: string, message = code) => classifyError(Object.assign(new Error(message), { code }));
const network = (text: string): ConnectionFailure => ({ kind: "network", text });

test.each<readonly [string, ConnectionFailure]>([
  ["nameNotFound", failed("ENOTFOUND")],
  ["nameNotFound", failed("EAI_AGAIN")],
  ["portClosed", failed("ECONNREFUSED")],
  ["unreachable", failed("EHOSTUNREACH")],
  ["unreachable", failed("ENETUNREACH")],
  ["noAnswer", failed("ETIMEDOUT")],
  ["noAnswer", network("the name csms.example has no address: no answer within 30 s (EAI_AGAIN)")],
  ["noAnswer", network("192.0.2.1 port 443: no answer within 30 s")],
  ["slow", network("the CSMS did not answer within 30 s")],
  ["cut", failed("ECONNRESET")],
  ["network", network("something else")],
  ["certificateExpired", failed("CERT_HAS_EXPIRED")],
  ["certificateNotYetValid", failed("CERT_NOT_YET_VALID")],
  ["wrongHost", failed("ERR_TLS_CERT_ALTNAME_INVALID")],
  ["certificateRevoked", failed("CERT_REVOKED")],
  ["unknownRoot", failed("UNABLE_TO_GET_ISSUER_CERT_LOCALLY")],
  ["unknownRoot", failed("SELF_SIGNED_CERT_IN_CHAIN")],
  ["unknownRoot", failed("DEPTH_ZERO_SELF_SIGNED_CERT")],
  ["certificate", failed("INVALID_PURPOSE")],
  ["stationCertificate", tlsFailure("stationCertificate", "alert")],
  ["tlsVersion", tlsFailure("version", "TLSv1.1")],
  ["tlsCipher", tlsFailure("cipher", "none")],
  ["noTls", failed("ERR_SSL_WRONG_VERSION_NUMBER")],
  ["tls", tlsFailure("other", "whatever")],
  ["unauthorized", httpFailure(401)],
  ["forbidden", httpFailure(403)],
  ["notFound", httpFailure(404)],
  ["refused", httpFailure(500)],
  ["wrongSubprotocol", { kind: "subprotocol", text: "ocpp1.6" }],
  ["noIdentity", { kind: "configuration", text: "the station has no identity (SecurityCtrlr.Identity)" }],
  ["settings", { kind: "configuration", text: "there is no security profile 7" }],
])("%s, and a word on what to do: %j", (code, failure) => {
  expect(diagnose(failure).code).toBe(code);
  expect(diagnose(failure).advice.length).toBeGreaterThan(20);
});

test("docs/DIAGNOSIS.md has every code", async () => {
  const document = await Bun.file(join(DOCTOR, "../../../docs/DIAGNOSIS.md")).text();
  const codes = new Set<string>();
  for (const file of ["diagnosis.ts", "way.ts", "tls-step.ts"]) {
    const text = await Bun.file(join(DOCTOR, file)).text();
    for (const [, code = ""] of text.matchAll(/(?:code: |\/i?,\s+)"(\w+)"/g)) codes.add(code);
  }
  expect(codes.size).toBeGreaterThan(15);
  expect([...codes].filter((code) => !document.includes(`\`${code}\``))).toEqual([]);
});
