import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createLog, type LogFormat } from "../../src/platform/consola-log.ts";
import type { Log } from "../../src/platform/log.ts";

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

function linesOf(format: LogFormat, speak: (log: Log) => void, debug = false): string[] {
  const lines: string[] = [];
  speak(createLog({ format, debug, write: (line) => lines.push(line) }));
  return lines;
}

/** The line with its timestamp, which is checked here, replaced by `T`. */
const withoutTime = (line: string) => {
  expect(line).toMatch(TIMESTAMP);
  return line.replace(TIMESTAMP, "T");
};

describe("text", () => {
  test("has the layout of the contract, with padded levels", () => {
    const lines = linesOf(
      "text",
      (log) => {
        log.debug("Asking the proxy.");
        log.info("Initiating installation.", { target_version: "18.1.0+Enterprise", active_version: undefined });
        log.warn("Refused.", { variables: "A,B", count: 2, isLast: true });
        log.error("command failed", { error: "no space left", code: "E_NO_SPACE" });
      },
      true,
    );
    expect(lines.map(withoutTime)).toEqual([
      "T DEBUG [UPDATER]   Asking the proxy.\n",
      "T INFO  [UPDATER]   Initiating installation. target_version:18.1.0+Enterprise\n",
      "T WARN  [UPDATER]   Refused. variables:A,B count:2 isLast:true\n",
      'T ERROR [UPDATER]   command failed error:"no space left" code:E_NO_SPACE\n',
    ]);
  });

  test.each([
    ["plain:443/path", "plain:443/path"],
    ["", '""'],
    ['say "hi"', '"say \\"hi\\""'],
    ["back\\slash", '"back\\\\slash"'],
    ["two\nlines", '"two\\nlines"'],
    ["\u001b]0;title\u0007", '"\\u001b]0;title\\u0007"'],
    ["\u009b2J", '"\\u009b2J"'],
  ])("writes a value, case %#", (value, expected) => {
    const [line = ""] = linesOf("text", (log) => log.info("Message.", { key: value }));
    expect(withoutTime(line)).toBe(`T INFO  [UPDATER]   Message. key:${expected}\n`);
  });

  test("[threat plain-output] keeps what a server says in one line", () => {
    const [line = ""] = linesOf("text", (log) => log.info("<h1>\n2030-01-01T00:00:00.000Z ERROR forged\u001b[2J"));
    expect(withoutTime(line)).toBe("T INFO  [UPDATER]   <h1>\\n2030-01-01T00:00:00.000Z ERROR forged\\u001b[2J\n");
  });
});

describe("json", () => {
  test("is one object a line, with typed attributes", () => {
    const [line = ""] = linesOf("json", (log) =>
      log.warn("Two words.", { command: "systemctl start", code: 3, on: true }),
    );
    const { timestamp, ...rest } = JSON.parse(line);
    expect(timestamp).toMatch(TIMESTAMP);
    expect(rest).toEqual({
      component: "updater",
      level: "warn",
      message: "Two words.",
      command: "systemctl start",
      code: 3,
      on: true,
    });
    expect(Object.keys(JSON.parse(line)).slice(0, 4)).toEqual(["component", "level", "message", "timestamp"]);
  });

  test("an attribute never takes the place of a fixed key", () => {
    const [line = ""] = linesOf("json", (log) => log.info("Message.", { level: "error", timestamp: "never" }));
    expect(JSON.parse(line)).toMatchObject({ level: "info", timestamp: expect.stringMatching(TIMESTAMP) });
  });

  test("[threat plain-output] what acts in a terminal is an escape, also where JSON would let it stand", () => {
    const [line = ""] = linesOf("json", (log) => log.info("\u009b31m", { value: "\u202e\u007f" }));
    expect(line).toContain('"message":"\\u009b31m"');
    expect(line).toContain('"value":"\\u202e\\u007f"');
  });

  test("any text survives, and no line holds a character that acts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (message, value) => {
        const [line = ""] = linesOf("json", (log) => log.info(message, { value }));
        expect(JSON.parse(line)).toMatchObject({ message, value });
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
    // For busy machines.
  }, 30_000);
});

test("debug lines are written only on demand", () => {
  const speak = (log: Log) => {
    log.debug("quiet");
    log.info("loud");
  };
  expect(linesOf("text", speak)).toHaveLength(1);
  expect(linesOf("text", speak, true)).toHaveLength(2);
});

test("a line that repeats is written each time, at once", () => {
  const lines = linesOf("text", (log) => {
    for (let count = 0; count < 20; count += 1) log.info("not ready yet");
  });
  expect(lines).toHaveLength(20);
});
