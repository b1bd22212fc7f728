import { expect, test } from "bun:test";
import { sizePage } from "../../../scripts/release/size-page.ts";

const PAGE = sizePage({
  circumstances: "2030-02-03, a machine",
  executables: [
    { name: "dist/here", bytes: 113_916_080, neededGlibc: "2.17", startMs: 9.87 },
    { name: "dist/elsewhere", bytes: 114_000_000, neededGlibc: "2.17", startMs: undefined },
  ],
  artefacts: [
    { name: "teleport-update-1.2.3.tgz", bytes: 53_005_556 },
    { name: "install.sh", bytes: 14_607 },
  ],
  processors: {
    amd64: [
      { name: "Nehalem,-popcnt", works: false },
      { name: "Nehalem", works: true },
    ],
    arm64: [{ name: "cortex-a53", works: true }],
  },
  kernels: [{ name: "3.10", works: true }],
});

test.each([
  "| `dist/here` | 113.9 | 9.9 ms | 2.17 |",
  "| `dist/elsewhere` | 114.0 | not measured here | 2.17 |",
  "| `teleport-update-1.2.3.tgz` | 53.0 |",
  "| `install.sh` | below 0.1 |",
  "| Nehalem without popcnt | does not start |",
  "| Nehalem | works |",
  "| cortex-a53 | works |",
  "| 3.10 | works |",
])("the page has the row %s", (row) => expect(PAGE.split("\n")).toContain(row));

test("it tells when and where the figures were taken", () => expect(PAGE).toContain("2030-02-03, a machine"));

/** Without its figures: who took them, and the rows below each head. */
function shapeOf(page: string): string {
  return page.replace(/(?<=after `npm run release`: ).*(?=\. MB are)/, "").replace(/(?<=^\|[-|]+\|\n)(\|.*\n)+/gm, "");
}

test("`docs/size.md` is such a page", async () => {
  expect(shapeOf(await Bun.file("docs/size.md").text())).toBe(shapeOf(PAGE));
});
