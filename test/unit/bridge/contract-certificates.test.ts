import { expect, test } from "bun:test";
import * as v from "valibot";
import { BareCertificateRequest, toContractCertificateRequest } from "../../../src/bridge/contract-certificates.ts";
import type { Iso15118RequestExiStreamSchema } from "../../../src/everest/interfaces/index.ts";

const request = (more: object = {}) =>
  ({
    exi_request: "Q2VydA==",
    iso15118_schema_version: "urn:iso:15118:2:2013:MsgDef",
    certificate_action: "Update",
    ...more,
  }) as Iso15118RequestExiStreamSchema;

test("M01.FR.01, M02.FR.01: a vehicle's request in OCPP's words", () => {
  expect(toContractCertificateRequest(request())).toEqual({
    action: "Update",
    iso15118SchemaVersion: "urn:iso:15118:2:2013:MsgDef",
    exiRequest: "Q2VydA==",
  });
});

test("Base64 on several lines is one line for the CSMS", () => {
  expect(toContractCertificateRequest(request({ exi_request: "Q2Vy\r\ndA==\n" }))).toMatchObject({
    exiRequest: "Q2VydA==",
  });
});

test.each([
  ["EXI of 5,604 characters", { exi_request: "A".repeat(5_604) }],
  ["empty EXI", { exi_request: "" }],
  ["EXI that is not Base64", { exi_request: "CertificateInstallationReq" }],
  ["EXI without its padding", { exi_request: "Q2VydA" }],
  ["EXI in the alphabet for URLs", { exi_request: "_-_-" }],
  ["a schema version of 51 characters", { iso15118_schema_version: "v".repeat(51) }],
  ["an action that nobody knows", { certificate_action: "Remove" }],
])("%s is not handed on", (_name, more) => {
  const { defect, action } = toContractCertificateRequest(request(more));
  expect(defect).toBeString();
  expect(["Install", "Update"]).toContain(action);
});

test.each([[null], [1], ["text"], [[]], [{}], [{ exi_request: null }], [{ certificate_action: "Update" }]])(
  "a request of which something is missing has an answer all the same: %p",
  (value) => {
    expect(toContractCertificateRequest(v.parse(BareCertificateRequest, value)).defect).toBeString();
  },
);

test("the action of a request of which something is missing is kept", () => {
  const bare = v.parse(BareCertificateRequest, { certificate_action: "Update" });
  expect(toContractCertificateRequest(bare).action).toBe("Update");
});
