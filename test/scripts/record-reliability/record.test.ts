import { expect, test } from "bun:test";
import { formatRecord, replaceRecord } from "../../../scripts/record-reliability/record.ts";

const place = (part: string) => `<!-- record of ${part} -->\n<!-- end of ${part} -->`;
const PAGE = `# Page\n\n${place("matrix")}\n\nBetween.\n\n${place("random")}\n`;

test("a record goes into its place, and its next one too", () => {
  const once = replaceRecord(PAGE, "random", "first, with $& and $1");
  expect(once).toBe(
    `# Page\n\n${place("matrix")}\n\nBetween.\n\n<!-- record of random -->\n\nfirst, with $& and $1\n\n<!-- end of random -->\n`,
  );
  expect(replaceRecord(once, "random", "second")).toBe(replaceRecord(PAGE, "random", "second"));
});

test("a page without the place is refused", () => {
  expect(() => replaceRecord(PAGE, "trace", "a record")).toThrow("`trace`");
  expect(() => replaceRecord("<!-- record of trace -->\n", "trace", "a record")).toThrow("`trace`");
});

test.each([
  [7.4, "7 s"],
  [59.6, "1 min 0 s"],
  [1264, "21 min 4 s"],
])("a record says what ran, where, and for how long: %p s", (seconds, duration) => {
  const lines = ["seed 7", "3000 passed, 0 failed"];
  expect(formatRecord({ command: "npm run x", circumstances: "today, 2 cores", exitCode: 0, seconds, lines })).toBe(
    `\`\`\`text\n$ npm run x\n# today, 2 cores\n# exit code 0 after ${duration}\nseed 7\n3000 passed, 0 failed\n\`\`\``,
  );
});
