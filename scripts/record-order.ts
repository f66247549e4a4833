/**
 * Records which functions a start and a charging session use, so that `scripts/build` puts their bytecode in front:
 * `bun scripts/record-order.ts` after `scripts/install --with-tests`. The file is of the sources as they are now; it keeps
 * most of its worth while they change.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const directory = mkdtempSync(join(tmpdir(), "order-"));
const [entry, executable] = [join(directory, "entry.ts"), join(directory, "OCPP201")];

// Not src/main.ts: that begins anew without the runtime's variables, the one that asks for the recording among them.
writeFileSync(
  entry,
  `const { main } = await import(${JSON.stringify(join(ROOT, "src/cli/main.ts"))});
   const exitCode = await main(process.argv.slice(2), process.env);
   if (exitCode !== undefined) process.exit(exitCode);`,
);
const { exitCode } = Bun.spawnSync(
  [process.execPath, "scripts/bundle.ts", "--entry", entry, "--outfile", executable, "--unordered"],
  { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] },
);
if (exitCode !== 0) throw new Error(`the executable could not be built (${exitCode})`);

process.env.STATION_COMMAND = executable;
process.env.BUN_BYTECODE_ORDER_OUT = join(ROOT, "scripts/bytecode.order");
const { Charger } = await import("../test/support/charger.ts");
const charger = await Charger.start();
const evse = charger.everest.evse(1);
await evse.plugIn();
const token = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
await evse.authorize(token);
await charger.csms.waitFor("TransactionEvent");
for (let round = 0; round < 5; round++) {
  await evse.startCharging();
  await evse.pause("EV");
}
await evse.unplug();
await charger.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
await charger.end("SIGTERM");
await charger.stop();
rmSync(directory, { recursive: true, force: true });
process.exit(0);
