import { leaveRuntimeVariables } from "./cli/runtime-variables.ts";

leaveRuntimeVariables(process.env);
// Loaded afterwards: a process that begins anew has not paid for it twice.
const { main } = await import("./cli/main.ts");
const exitCode = await main(process.argv.slice(2), process.env);
if (exitCode !== undefined) process.exit(exitCode);
