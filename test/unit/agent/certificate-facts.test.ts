import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFacts } from "../../../src/agent/web/certificate-facts.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import type { SecurityPort } from "../../../src/station/ports.ts";
import { TestAuthority } from "../../support/certificates.ts";

const directory = mkdtempSync(join(tmpdir(), "certificate-facts-"));
afterAll(() => rmSync(directory, { recursive: true }));

const NOTHING = {
  leafCertificateFiles: async () => undefined,
  caCertificates: async () => [],
} as Partial<SecurityPort> as SecurityPort;

test("the station's certificate, the roots once each, and how long the connection's is valid", async () => {
  const root = new TestAuthority(join(directory, "root"), "Root of the test");
  const notAfter = new Date("2031-05-04T03:02:01.000Z");
  const leaf = root.issue("station-1", ["station-1"], { notAfter });
  const pem = readFileSync(root.rootPath, "utf8");
  const security = {
    ...NOTHING,
    leafCertificateFiles: async () => ({ certificatePath: leaf.certificatePath, keyPath: leaf.keyPath }),
    caCertificates: async () => [pem, `${pem}\n${pem}`, "no certificate"],
  };
  const server = { from: new Date(0), until: new Date(1) };
  const found = await certificateFacts(security, server, silentLogger);
  expect(found.map(({ use, name }) => [use, name])).toEqual([
    ["CSMS", "of this connection"],
    ["station", "station-1"],
    ["CSMS root", "Root of the test"],
  ]);
  expect(found[1]?.validTo).toEqual(notAfter);
  expect(found[0]?.validTo).toEqual(server.until);
});

test("a security module that does not answer takes nothing from what the others tell", async () => {
  const security = { ...NOTHING, leafCertificateFiles: async () => Promise.reject(new Error("silent")) };
  const server = { from: new Date(0), until: new Date(1) };
  expect(await certificateFacts(security, server, silentLogger)).toHaveLength(1);
  expect(await certificateFacts(NOTHING, undefined, silentLogger)).toEqual([]);
});
