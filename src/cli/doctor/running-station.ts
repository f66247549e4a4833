import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

export interface RunningStation {
  readonly processId: number;
  /** `address port` of the other ends of its TCP connections. */
  readonly peers: ReadonlySet<string>;
}

function linksOf(processId: string): readonly string[] {
  const directory = `/proc/${processId}/fd`;
  try {
    return readdirSync(directory).flatMap((descriptor) => {
      try {
        return [readlinkSync(`${directory}/${descriptor}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
  } catch {
    return []; // ended, or of another account: then its database could not be read either
  }
}

/** An address as the kernel writes it: 32-bit words in the order of this machine, four of them for IPv6. */
function addressOf(hexadecimal: string): string {
  const bytes = (hexadecimal.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  const ipv4 = bytes.length === 4 ? bytes : isMappedIpv4(bytes) ? bytes.slice(12) : undefined;
  if (ipv4 !== undefined) return ipv4.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  return canonicalIpv6(groups.map((group) => group.toString(16)).join(":"));
}

function isMappedIpv4(bytes: readonly number[]): boolean {
  return bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** Two texts of one address are one. */
function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

const ESTABLISHED = "01";

/** The established connections of a process's network, as far as these sockets are among them. */
export function peersIn(table: string, inodes: ReadonlySet<string>): readonly string[] {
  return table.split("\n").flatMap((line) => {
    const [, , remote = "", state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address = "", port = ""] = remote.split(":");
    if (state !== ESTABLISHED || !inodes.has(inode)) return [];
    return [peerKey(addressOf(address), Number.parseInt(port, 16))];
  });
}

export function peerKey(address: string, port: number): string {
  return `${address.includes(":") ? canonicalIpv6(address) : address} ${port}`;
}

function tableOf(processId: string, name: "tcp" | "tcp6"): string {
  try {
    return readFileSync(`/proc/${processId}/net/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** The process that has this database open, other than this one; undefined when there is none. Reads /proc only. */
export function runningStation(databasePath: string): RunningStation | undefined {
  let path: string;
  try {
    path = realpathSync(databasePath);
  } catch {
    return undefined; // no database, no station
  }
  const own = String(process.pid);
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || entry === own) continue;
    const links = linksOf(entry);
    if (!links.includes(path)) continue;
    const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
    const peers = (["tcp", "tcp6"] as const).flatMap((name) => peersIn(tableOf(entry, name), inodes));
    return { processId: Number(entry), peers: new Set(peers) };
  }
  return undefined;
}
