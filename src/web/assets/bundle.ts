import { fileURLToPath } from "node:url";

/** Runs while the program is built, or loaded from its sources: makes one script of the page's parts. */
export function bundleScript(entry: string): string {
  const path = fileURLToPath(new URL(entry, import.meta.url));
  const command = [process.execPath, "build", path, "--minify", "--target=browser", "--format=esm"];
  const { success, stdout, stderr } = Bun.spawnSync(command, { env: { ...process.env } });
  if (!success) throw new Error(stderr.toString());
  return stdout.toString();
}
