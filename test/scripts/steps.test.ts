import { expect, test } from "bun:test";
import { summary, tallyOfTests } from "../../scripts/steps.ts";

test.each([
  ["all passed", " 12 pass\n 0 fail\n", 0, { passed: 12, failed: 0 }],
  ["some failed", " 12 pass\n 1 skip\n 3 fail\n", 1, { passed: 12, failed: 3 }],
  ["a test prints what looks like a summary", " 99 pass\n 0 fail\n 1 pass\n 2 fail\n", 1, { passed: 1, failed: 2 }],
  ["an error outside of every test", " 12 pass\n 0 fail\n 1 error\n", 1, { passed: 12, failed: 1 }],
  ["a crash before the summary", "panic\n", 134, { passed: 0, failed: 1 }],
])("the summary of `bun test` is counted: %s", (_, output, exitCode, tally) => {
  expect(tallyOfTests(output, exitCode)).toEqual(tally);
});

test("the last line has the form that .ci/run adds up", () => {
  expect(summary({ passed: 3, failed: 0 })).toBe("3 passed, 0 failed");
});
