import { expect, test } from "bun:test";
import { reportFailure } from "../../src/cli/failure.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { recordingLog } from "../support/recording-log.ts";

function report(error: unknown) {
  const log = recordingLog();
  reportFailure(log, error);
  const [first, ...rest] = log.lines;
  return { first, rest };
}

test("an expected failure is one line with code and hint", () => {
  const { first, rest } = report(new UpdateError("E_NO_SPACE", "cannot write `/a`", { hint: "free some space" }));
  expect(first).toEqual({
    level: "error",
    message: "command failed",
    attributes: { error: "cannot write `/a`", code: "E_NO_SPACE", hint: "free some space" },
  });
  expect(rest).toEqual([]);
});

test("of a host behind `--root` it names the root, of which its paths and hints are", () => {
  const log = recordingLog();
  reportFailure(log, new UpdateError("E_CONFIG_READ", "`/opt/a` is empty"), "/srv/image");
  expect(log.lines[0]?.attributes).toMatchObject({ error: "`/opt/a` is empty", root: "/srv/image" });
});

test("its causes are debug lines, outermost first", () => {
  const root = new UpdateError("E_IO", "permission denied");
  const middle = new UpdateError("E_CONFIG_WRITE", "cannot write", { cause: root });
  const { rest } = report(new UpdateError("E_SETUP", "setup failed", { cause: middle }));
  expect(rest).toEqual([
    { level: "debug", message: "caused by", attributes: { error: "cannot write" } },
    { level: "debug", message: "caused by", attributes: { error: "permission denied" } },
  ]);
});

test("a defect is E_INTERNAL, its stack in debug lines only", () => {
  const { first, rest } = report(new TypeError("undefined is not a function"));
  expect(first?.attributes).toMatchObject({ error: "undefined is not a function", code: "E_INTERNAL" });
  expect(first?.attributes?.["hint"]).toContain("--debug");
  expect(rest.length).toBeGreaterThan(1);
  expect(rest.every(({ level }) => level === "debug")).toBe(true);
  expect(rest.some(({ message }) => message.includes("failure.test.ts"))).toBe(true);
});

test.each([
  ["text", "text"],
  [undefined, "undefined"],
  [new Error(""), "an error without a message"],
])("what is thrown may be anything, case %#", (thrown, message) => {
  expect(report(thrown).first?.attributes).toMatchObject({ error: message, code: "E_INTERNAL" });
});
