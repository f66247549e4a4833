import { complain } from "./output.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Variables that change what the runtime does before and below this program: load code, open a debugger, trust other
 * certificates, connect through a proxy of somebody's choice. Harmless are BUN_JSC_…, which tunes memory,
 * NODE_EXTRA_CA_CERTS, since every connection names whom it trusts (`ocpp/websocket.ts`), and what containers and test
 * runners leave behind.
 */
const RUNTIME_VARIABLE = /^(?:BUN_(?!JSC_)|NODE_(?!(?:PATH|ENV|VERSION|EXTRA_CA_CERTS)$))/;

/** The environment without them; undefined when there are none. */
export function withoutRuntimeVariables(environment: Environment): Record<string, string> | undefined {
  const all = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const kept = all.filter(([name]) => !RUNTIME_VARIABLE.test(name));
  return kept.length === all.length ? undefined : Object.fromEntries(kept);
}

/**
 * Begins this process anew, with the same id and name, when its environment steers the runtime; returns where that is not
 * needed or not possible. Only the compiled executable does it: under a plain runtime a developer means such variables.
 */
export function leaveRuntimeVariables(environment: Environment): void {
  const clean = Bun.main.startsWith("/$bunfs/") ? withoutRuntimeVariables(environment) : undefined;
  if (clean === undefined || process.execve === undefined) return;
  try {
    process.execve(process.execPath, [process.argv0, ...process.argv.slice(2)], clean);
  } catch (error) {
    // Under an emulator, for example: a station that runs is worth more.
    complain(`The runtime's variables in the environment stay: ${(error as Error).message}\n`);
  }
}
