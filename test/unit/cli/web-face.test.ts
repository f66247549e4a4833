import { expect, test } from "bun:test";
import { createWebFace } from "../../../src/cli/web-face.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const listen = async (own: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>>) => {
  const face = createWebFace({ own: new Map(Object.entries(own)), environment, clock: new FakeClock() });
  const error: unknown = await face
    .listen({ status: () => ({ started: true }) as never }, silentLogger)
    .catch((thrown: unknown) => thrown);
  return (error as Error).message;
};

test("the page is asked for by option or environment, the option counts", async () => {
  const environment = { OCPP201_HTTP: "0.0.0.0:1", OCPP201_HTTP_TOKEN_FILE: "/nowhere" };
  expect(await listen({}, { OCPP201_HTTP: "0.0.0.0:1" })).toStartWith(
    "--http 0.0.0.0:1: others can reach this address",
  );
  expect(await listen({ http: "[::]:2" }, { OCPP201_HTTP: "0.0.0.0:1" })).toStartWith(
    "--http [::]:2: others can reach",
  );
  expect(await listen({}, environment)).toStartWith("--http-token-file /nowhere cannot be read");
  expect(await listen({ "http-token-file": "/elsewhere" }, environment)).toStartWith("--http-token-file /elsewhere");
});
