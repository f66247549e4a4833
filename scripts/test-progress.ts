/**
 * Passes on what `bun test` prints and says at each file how far it is: `[34/210 3:12] test/unit/…`. The argument is the
 * number of files; without one nobody knows.
 */
const total = Bun.argv[2] ?? "?";
const begun = performance.now();
let files = 0;

function elapsed(): string {
  const seconds = Math.floor((performance.now() - begun) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

for await (const line of console) {
  const isFile = /^test\/\S+\.test\.ts:$/.test(line);
  if (isFile) files++;
  console.log(isFile ? `[${files}/${total} ${elapsed()}] ${line}` : line);
}

export {};
