import { describe, expect, test } from "bun:test";
import { differingLines, isSameUnit } from "../../src/host/unit-difference.ts";

const unit = (revision: string, ...lines: string[]) => [`# teleport-update ${revision}`, ...lines, ""].join("\n");

describe("the difference of two units", () => {
  test("is told line by line, and the marker is none", async () => {
    const from = unit(
      "18.1.0",
      "# one comment",
      "",
      "[Service]",
      "ExecStart=/a start --enable-selinux",
      "Nice=5",
      "LimitNOFILE=1",
    );
    const to = unit(
      "18.2.0",
      "# another comment",
      "; or two",
      "",
      "",
      "[Service]",
      "ExecStart=/a start",
      "LimitNOFILE=1",
      "KillMode=process",
    );
    expect(await differingLines(from, to)).toEqual([
      "- ExecStart=/a start --enable-selinux",
      "- Nice=5",
      "+ ExecStart=/a start",
      "+ KillMode=process",
    ]);
    expect(isSameUnit(from, to)).toBeFalse();
  });

  test.each([
    ["the same", unit("18.1.0", "a"), unit("18.1.0", "a"), true],
    ["another revision", unit("18.1.0", "a"), unit("18.2.0_ent", "a"), true],
    ["another line", unit("18.1.0", "a"), unit("18.1.0", "b"), false],
    ["no marker", unit("18.1.0", "a"), "a\n", true],
    ["no line end", unit("18.1.0", "a"), "a", false],
    ["nothing but a marker", "# teleport-update 18.1.0", "", false],
  ])("%s", (_, a, b, isSame) => {
    expect(isSameUnit(a, b)).toBe(isSame);
  });

  test("in comments alone has no line", async () => {
    expect(await differingLines("# a\n[Service]\n;b", "[Service]\n")).toEqual([]);
  });

  test("shows 40 lines at most, and counts the rest", async () => {
    const lines = await differingLines("", Array.from({ length: 50 }, (_, at) => `A=${at}\n`).join(""));
    expect(lines).toHaveLength(41);
    expect(lines.slice(39)).toEqual(["+ A=39", "(and 10 more lines)"]);
  });

  test("gives up on texts that have nothing in common, however long they are", async () => {
    const text = (word: string) => Array.from({ length: 20_000 }, (_, at) => `${word}=${at}\n`).join("");
    expect(await differingLines(text("A"), text("B"))).toEqual([
      "(the two texts have too little in common to be compared)",
    ]);
  });
});
