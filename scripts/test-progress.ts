/**
 * Passes on what `bun test` prints and says at each file how far it is: `[34/210 3:12] test/unit/…`. The arguments are the
 * number of files, and a name that stands before each line, since others print beside it.
 */
const [, , total = "?", name] = Bun.argv;
const origin = name === undefined ? "" : `${name}: `;
const begun = performance.now();
let files = 0;

function elapsed(): string {
  const seconds = Math.floor((performance.now() - begun) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

for await (const line of console) {
  const isFile = /^test\/\S+\.test\.ts:$/.test(line);
  if (isFile) files++;
  console.log(origin + (isFile ? `[${files}/${total} ${elapsed()}] ${line}` : line));
}

export {};
