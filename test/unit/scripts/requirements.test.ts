import { expect, test } from "bun:test";
import { citedIds } from "../../../scripts/requirements.ts";

test("citations: ranges and short forms are spelled out", () => {
  expect(citedIds("said in E14.FR.01–05 and (A02.FR.17, FR.19)")).toEqual([
    "E14.FR.01",
    "E14.FR.02",
    "E14.FR.03",
    "E14.FR.04",
    "E14.FR.05",
    "A02.FR.17",
    "A02.FR.19",
  ]);
  expect(citedIds("E04.FR.07/08; E11.FR.07–FR.08, B01.FR.13")).toEqual([
    "E04.FR.07",
    "E04.FR.08",
    "E11.FR.07",
    "E11.FR.08",
    "B01.FR.13",
  ]);
  expect(citedIds("A00.FR.321/424 and F01.FR.13/24/25")).toEqual([
    "A00.FR.321",
    "A00.FR.424",
    "F01.FR.13",
    "F01.FR.24",
    "F01.FR.25",
  ]);
  expect(citedIds("nothing in E06, 12 here")).toEqual([]);
});
