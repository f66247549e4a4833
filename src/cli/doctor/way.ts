import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { type Clock, sleep } from "../../lib/clock.ts";
import { maskUrlPasswords } from "../../log/mask-secrets.ts";
import { type ConnectionFailure, classifyError } from "../../ocpp/connection-failure.ts";
import { openWebSocket, type Transport, type WebSocketSettings } from "../../ocpp/websocket.ts";
import { diagnose } from "./diagnosis.ts";
import type { Step } from "./report.ts";
import { type StepLimits, tlsStep } from "./tls-step.ts";

export interface WayOptions extends StepLimits {
  /** The settings of an attempt, or why there are none. */
  readonly settings: WebSocketSettings | Error;
  /** Of the connection, also where there are no settings; undefined when it cannot be read. */
  readonly url: string | undefined;
  /** Why the websocket is not opened, e.g. because it would cost the running station its connection. */
  readonly reasonAgainstHandshake: string | undefined;
}

/** Behind a TLS handshake of 1.3, and with some servers of 1.2, the refusal is nothing but the end of the connection. */
const OF_OUR_CERTIFICATE =
  "A CSMS that does not take the station's certificate often just cuts the connection: check that it is valid, and that the CSMS knows who has issued it.";

/** A step that takes longer works, and is worth a word. */
const SLOW_MILLISECONDS = 5_000;

function failedStep(name: Step["name"], failure: ConnectionFailure): Step {
  return { name, status: "failed", text: failure.text, ...diagnose(failure) };
}

function doneStep(name: Step["name"], text: string, milliseconds: number): Step {
  const took = `${text} (${Math.round(milliseconds)} ms)`;
  if (milliseconds < SLOW_MILLISECONDS) return { name, status: "ok", text: took };
  const advice = "It works, but slowly: see whether the network or the CSMS is overloaded.";
  return { name, status: "warning", text: took, code: "slow", advice };
}

/** The limit that comes before the answer of somebody else. */
function inTime<Result>({ clock, limitMilliseconds }: WayOptions, result: Promise<Result>): Promise<Result> {
  const late = sleep(clock, limitMilliseconds).then(() => {
    throw new Error(`no answer within ${limitMilliseconds / 1000} s`);
  });
  return Promise.race([result, late]);
}

async function nameStep(options: WayOptions, host: string): Promise<{ step: Step; addresses: readonly string[] }> {
  const begun = options.clock.monotonicMilliseconds();
  if (isIP(host) !== 0)
    return { step: { name: "name", status: "ok", text: `${host} is an address` }, addresses: [host] };
  try {
    const addresses = (await inTime(options, lookup(host, { all: true }))).map(({ address }) => address);
    const text = `${host} is ${addresses.join(", ")}`;
    return { step: doneStep("name", text, options.clock.monotonicMilliseconds() - begun), addresses };
  } catch (error) {
    const { code = "EAI_AGAIN", message } = error as NodeJS.ErrnoException;
    const text = `the name ${host} has no address: ${message} (${code})`;
    return { step: failedStep("name", { kind: "network", text }), addresses: [] };
  }
}

/** Why nothing could be connected to there; undefined when something could. */
function tcpDefect(options: WayOptions, address: string, port: number): Promise<string | undefined> {
  const { clock, limitMilliseconds, settings } = options;
  const localAddress = settings instanceof Error ? undefined : settings.localAddress;
  return new Promise((resolve) => {
    const socket = connectTcp({ host: address, port, ...(localAddress !== undefined && { localAddress }) });
    const end = (defect: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(defect);
    };
    const timer = clock.after(limitMilliseconds, () => end(`no answer within ${limitMilliseconds / 1000} s`));
    socket.once("connect", () => end(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => end(classifyError(error).text));
  });
}

async function tcpStep(options: WayOptions, addresses: readonly string[], port: number): Promise<Step> {
  const begun = options.clock.monotonicMilliseconds();
  const tried = await Promise.all(
    addresses.map(async (address) => ({ address, defect: await tcpDefect(options, address, port) })),
  );
  const told = ({ address, defect }: (typeof tried)[number]): string => `${address} port ${port}: ${defect}`;
  const failed = tried.filter(({ defect }) => defect !== undefined);
  const good = tried.find(({ defect }) => defect === undefined);
  if (good === undefined) return failedStep("tcp", { kind: "network", text: failed.map(told).join("; ") });
  const text = `${good.address} takes connections at port ${port}`;
  const step = doneStep("tcp", text, options.clock.monotonicMilliseconds() - begun);
  if (failed.length === 0) return step;
  const advice = "Some addresses of the name do not answer: the station tries the others, which takes time.";
  return {
    name: "tcp",
    status: "warning",
    text: `${text}; ${failed.map(told).join("; ")}`,
    code: "someAddresses",
    advice,
  };
}

/** Opens the websocket as the station does, and closes it at once: nothing is sent over it. */
function handshake(settings: WebSocketSettings, clock: Clock): Promise<ConnectionFailure | undefined> {
  return new Promise((resolve) => {
    let transport: Transport | undefined;
    try {
      transport = openWebSocket(settings, clock, {
        opened: () => {
          resolve(undefined);
          transport?.close(1000, "doctor");
        },
        message: () => {},
        closed: (reason, failure) => resolve(failure ?? { kind: "network", text: reason }),
      });
    } catch (error) {
      resolve({ kind: "configuration", text: (error as Error).message });
    }
  });
}

async function websocketSteps(options: WayOptions, settings: WebSocketSettings): Promise<readonly Step[]> {
  const { clock, limitMilliseconds } = options;
  const begun = clock.monotonicMilliseconds();
  const failure = await handshake({ ...settings, handshakeTimeoutMilliseconds: limitMilliseconds }, clock);
  const milliseconds = clock.monotonicMilliseconds() - begun;
  if (failure !== undefined && failure.kind !== "subprotocol") {
    const step = failedStep("websocket", failure);
    const mayBeCertificate = step.code === "cut" && settings.tls?.client !== undefined;
    return [mayBeCertificate ? { ...step, advice: `${OF_OUR_CERTIFICATE} ${step.advice}` } : step];
  }
  return [
    doneStep("websocket", "the CSMS opens a websocket", milliseconds),
    failure === undefined
      ? { name: "subprotocol", status: "ok", text: "ocpp2.0.1 is agreed on; closed without a BootNotification" }
      : failedStep("subprotocol", failure),
  ];
}

function settingsStep(settings: WebSocketSettings | Error): Step {
  if (settings instanceof Error) return failedStep("settings", { kind: "configuration", text: settings.message });
  const text = `the station connects to ${maskUrlPasswords(settings.url)}`;
  if (settings.basicAuthentication?.password !== "") return { name: "settings", status: "ok", text };
  const advice = "Set SecurityCtrlr.BasicAuthPassword, or the password of the network profile, to what the CSMS has.";
  return { name: "settings", status: "warning", text: `${text}, without a password`, code: "noPassword", advice };
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
}

const ORDER: readonly Step["name"][] = ["settings", "name", "tcp", "tls", "websocket", "subprotocol"];

/** What comes behind a failure is not tried. */
function withSkipped(steps: readonly Step[], usesTls: boolean, why: string): readonly Step[] {
  const missing = ORDER.filter((name) => (name !== "tls" || usesTls) && !steps.some((step) => step.name === name));
  return [...steps, ...missing.map((name): Step => ({ name, status: "skipped", text: why }))];
}

/** Goes the way to the CSMS step by step, until one fails. */
export async function goTheWay(options: WayOptions): Promise<readonly Step[]> {
  const { settings } = options;
  const url = options.url === undefined ? undefined : new URL(options.url);
  const usesTls = url?.protocol === "wss:";
  const steps: Step[] = [settingsStep(settings)];
  const hasFailed = (): boolean => steps.at(-1)?.status === "failed";
  const end = (why = "not tried"): readonly Step[] => withSkipped(steps, usesTls, why);

  if (url === undefined) return end();
  const { step, addresses } = await nameStep(options, url.hostname.replace(/^\[(.*)\]$/, "$1"));
  steps.push(step);
  if (hasFailed()) return end();
  steps.push(await tcpStep(options, addresses, portOf(url)));
  if (hasFailed() || settings instanceof Error) return end();
  if (settings.tls !== undefined) steps.push(await tlsStep(settings, settings.tls, options));
  if (hasFailed()) return end();
  if (options.reasonAgainstHandshake !== undefined) return end(options.reasonAgainstHandshake);
  steps.push(...(await websocketSteps(options, settings)));
  return end();
}
