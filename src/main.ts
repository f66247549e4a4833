import { main } from "./cli/main.ts";
import { leaveRuntimeVariables } from "./cli/runtime-variables.ts";

leaveRuntimeVariables(process.env);
const exitCode = await main(process.argv.slice(2), process.env);
if (exitCode !== undefined) process.exit(exitCode);
