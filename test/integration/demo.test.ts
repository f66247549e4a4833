/** The demo runs from the executable alone. */
import { expect, test } from "bun:test";
import { EXECUTABLE } from "../support/charger.ts";

const demo = async (...options: readonly string[]) => {
  const run = Bun.spawn([EXECUTABLE, "simulate", "--once", ...options], { stdout: "pipe", stderr: "pipe" });
  const [text, exitCode] = await Promise.all([new Response(run.stdout).text(), run.exited]);
  return { text, exitCode };
};

test("simulate --plug-and-charge: certificates for charger and car, a session, two contracts that do not charge", async () => {
  const { text, exitCode } = await demo("--plug-and-charge");
  for (const told of [
    "SignCertificate V2GCertificate",
    "Get15118EVCertificate Install",
    "Authorize with contract and the hashes of 3 certificates",
    "Ended",
    "and is told Invalid",
    "and is told Expired",
    "the CSMS has no complaints",
  ])
    expect(text).toContain(told);
  expect(exitCode).toBe(0);
}, 60_000);
