import { expect, test } from "bun:test";
import { peerKey, peersIn } from "../../../src/cli/doctor/running-station.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (remote: string, state: string, inode: string) =>
  `   0: 0100007F:B3C4 ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000 20 4 30 10 -1`;

test("the other ends of a process's connections, as the kernel writes them", () => {
  const table = [
    HEAD,
    line("0200000A:01BB", "01", "11"),
    line("0300000A:01BB", "06", "12"), // closing
    line("0400000A:01BB", "01", "99"), // of another process
    line("B80D0120000000000000000001000000:01BB", "01", "13"),
    line("0000000000000000FFFF00000500000A:0050", "01", "14"),
    "",
  ].join("\n");
  expect(peersIn(table, new Set(["11", "12", "13", "14"]))).toEqual([
    peerKey("10.0.0.2", 443),
    peerKey("2001:db8::1", 443),
    peerKey("10.0.0.5", 80),
  ]);
  expect(peerKey("2001:0db8:0:0::0001", 443)).toBe(peerKey("2001:db8::1", 443));
});
