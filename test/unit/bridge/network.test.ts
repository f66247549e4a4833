import { beforeEach, describe, expect, test } from "bun:test";
import { NetworkConfigurator } from "../../../src/bridge/network.ts";
import type { Peer } from "../../../src/everest/everest-module.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import type { NetworkOutcome } from "../../../src/station/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Answer = { readonly status: string; readonly interface_address?: string };
type StatusVariable = Answer & { readonly request_id: number };

/** A system module that does what the test says. */
class FakeSystem {
  readonly requests: Readonly<Record<string, unknown>>[] = [];
  answer: () => Promise<Answer> = async () => ({ status: "Ready" });
  tell: (status: StatusVariable) => void = () => {};

  asPeer(): Peer<"system"> {
    const peer = {
      onVariable: (_name: string, handler: (status: StatusVariable) => void) => {
        this.tell = handler;
      },
      call: (_command: string, { request }: { request: Readonly<Record<string, unknown>> }) => {
        this.requests.push(request);
        return this.answer();
      },
    };
    return peer as unknown as Peer<"system">;
  }
}

const WIRED = { ocppInterface: "Wired0" } as const;
const LIMIT = 60_000;
let system: FakeSystem;
let clock: FakeClock;
let network: NetworkConfigurator;
beforeEach(() => {
  system = new FakeSystem();
  clock = new FakeClock();
  network = new NetworkConfigurator(system.asPeer(), clock, silentLogger);
});
/** The outcome as far as there is one after some time. */
async function after(outcome: Promise<NetworkOutcome>, milliseconds: number): Promise<NetworkOutcome | "nothing yet"> {
  let found: NetworkOutcome | "nothing yet" = "nothing yet";
  outcome.then((value) => {
    found = value;
  });
  await clock.advance(milliseconds);
  return found;
}
const silence = () => new Promise<never>(() => {});

describe("what the system module answers to configure_network (CHANGES b.2)", () => {
  test.each([
    [{ status: "Ready" }, { status: "Ready" }],
    [
      { status: "Ready", interface_address: "wwan0" },
      { status: "Ready", interfaceAddress: "wwan0" },
    ],
    [{ status: "NotSupported" }, { status: "NotSupported" }],
    [{ status: "Failed" }, { status: "Failed", reason: "the system module says Failed" }],
    [{ status: "Rejected" }, { status: "Failed", reason: "the system module says Rejected" }],
    [{ status: "Unheard" }, { status: "Failed", reason: "the system module says Unheard" }],
  ])("%p", async (answer, expected) => {
    system.answer = async () => answer;
    expect(await network.configure(WIRED, LIMIT)).toEqual(expected as NetworkOutcome);
    expect(network.canSetUpApnAndVpn).toBe(answer.status !== "NotSupported");
  });

  test("an exception is a failure", async () => {
    system.answer = async () => {
      throw new Error("HandlerException");
    };
    expect(await network.configure(WIRED, LIMIT)).toEqual({ status: "Failed", reason: "HandlerException" });
  });

  test("silence lasts no longer than the time that was given", async () => {
    system.answer = silence;
    const outcome = network.configure(WIRED, LIMIT);
    expect(await after(outcome, LIMIT - 1)).toBe("nothing yet");
    expect(await after(outcome, 1)).toEqual({ status: "Failed", reason: "no answer within 60 s" });
  });
});

describe("Processing", () => {
  beforeEach(() => {
    system.answer = async () => ({ status: "Processing" });
  });

  test.each([
    [
      { status: "Ready", interface_address: "10.1.2.3" },
      { status: "Ready", interfaceAddress: "10.1.2.3" },
    ],
    [{ status: "Failed" }, { status: "Failed", reason: "the system module says Failed" }],
  ])("ends with the status of the same request: %p", async (status, expected) => {
    const outcome = network.configure(WIRED, LIMIT);
    expect(await after(outcome, 1_000)).toBe("nothing yet");
    system.tell({ request_id: 1, ...status });
    expect(await outcome).toEqual(expected as NetworkOutcome);
  });

  test("the status may come before the answer", async () => {
    system.answer = async () => {
      system.tell({ request_id: 1, status: "Ready", interface_address: "wwan0" });
      return { status: "Processing" };
    };
    expect(await network.configure(WIRED, LIMIT)).toEqual({ status: "Ready", interfaceAddress: "wwan0" });
  });

  test("call and status together have the time that was given", async () => {
    system.answer = async () => {
      await new Promise<void>((resolve) => void clock.after(40_000, resolve));
      return { status: "Processing" };
    };
    const outcome = network.configure(WIRED, LIMIT);
    expect(await after(outcome, 59_999)).toBe("nothing yet");
    expect(await after(outcome, 1)).toMatchObject({ status: "Failed" });
  });

  test("the status of another request, a late one and a second one mean nothing", async () => {
    const first = network.configure(WIRED, LIMIT);
    system.tell({ request_id: 7, status: "Ready" });
    expect(await after(first, LIMIT)).toMatchObject({ status: "Failed" });
    system.tell({ request_id: 1, status: "Ready" });
    const second = network.configure(WIRED, LIMIT);
    system.tell({ request_id: 1, status: "Ready" });
    expect(await after(second, 1)).toBe("nothing yet");
    system.tell({ request_id: 2, status: "Ready", interface_address: "first" });
    system.tell({ request_id: 2, status: "Failed" });
    expect(await second).toEqual({ status: "Ready", interfaceAddress: "first" });
  });

  test("a new attempt takes the place of the one before", async () => {
    const first = network.configure(WIRED, LIMIT);
    const second = network.configure(WIRED, LIMIT);
    expect(await first).toMatchObject({ status: "Failed", reason: "another attempt has begun" });
    system.tell({ request_id: 1, status: "Failed" });
    system.tell({ request_id: 2, status: "Ready" });
    expect(await second).toEqual({ status: "Ready" });
  });
});

test("an answer that comes too late changes nothing but what is known of the module", async () => {
  system.answer = async () => {
    await new Promise<void>((resolve) => void clock.after(LIMIT + 1, resolve));
    return { status: "NotSupported" };
  };
  const outcome = network.configure(WIRED, LIMIT);
  expect(await after(outcome, LIMIT)).toMatchObject({ status: "Failed" });
  expect(network.canSetUpApnAndVpn).toBe(true);
  await clock.advance(1);
  expect(network.canSetUpApnAndVpn).toBe(false);
});

test("APN and VPN are asked for in EVerest's words; each attempt has a number of its own", async () => {
  await network.configure(WIRED, LIMIT);
  await network.configure(
    {
      ocppInterface: "Wireless0",
      apn: { apn: "internet", apnUserName: "u", apnPassword: "p", simPin: 12, apnAuthentication: "PAP" },
      vpn: { server: "s", user: "u", password: "p", key: "k", type: "IPSec" },
    },
    LIMIT,
  );
  expect(system.requests).toEqual([
    { request_id: 1, interface: "Wired0" },
    {
      request_id: 2,
      interface: "Wireless0",
      apn: { apn: "internet", apn_user_name: "u", apn_password: "p", sim_pin: "12", apn_authentication: "PAP" },
      vpn: { server: "s", user: "u", password: "p", key: "k", type: "IPSec" },
    },
  ]);
});
