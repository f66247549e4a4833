/** Prints `passed failed` of a junit report of `bun test`; an empty or unreadable one counts as one failure. */
const report = await Bun.file(Bun.argv[2] ?? "").text();
const [head = ""] = report.match(/<testsuites\b[^>]*>/) ?? [];
const attribute = (name: string): number => Number(head.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
const failed = attribute("failures") + attribute("errors");
const passed = attribute("tests") - failed - attribute("skipped");
console.log(passed > 0 ? `${passed} ${failed}` : `0 ${Math.max(1, failed)}`);

export {};
