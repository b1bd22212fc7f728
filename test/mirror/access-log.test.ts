import { expect, test } from "bun:test";
import fc from "fast-check";
import { commonLine, jsonLine } from "../../src/mirror/access-log.ts";

const RECORD = {
  time: new Date("2026-11-02T06:20:07.123Z"),
  remote: "192.0.2.7",
  method: "GET",
  target: "/index.json",
  status: 206,
  bytes: 5120,
  range: "bytes=5-",
  userAgent: null,
};
const HOSTILE = '/x"\\\u001b[31m\n\u202e';

test("the Common Log Format", () => {
  expect(commonLine(RECORD)).toBe('192.0.2.7 - - [02/Nov/2026:06:20:07 +0000] "GET /index.json HTTP/1.1" 206 5120');
  expect(commonLine({ ...RECORD, remote: "", bytes: 0 })).toMatch(/^- - - .* 206 -$/);
});

test("JSON has the range and the client too", () => {
  expect(JSON.parse(jsonLine(RECORD))).toEqual({
    time: "2026-11-02T06:20:07.123Z",
    remote: "192.0.2.7",
    method: "GET",
    status: 206,
    bytes: 5120,
    target: "/index.json",
    range: "bytes=5-",
  });
  expect(JSON.parse(jsonLine({ ...RECORD, userAgent: HOSTILE })).user_agent).toBe(HOSTILE);
});

test("what a client wrote is kept short, and breaks out of no line and no quotes", () => {
  expect(commonLine({ ...RECORD, target: HOSTILE })).toContain('"GET /x\\"\\\\\\u001b[31m\\n\\u202e HTTP/1.1" 206');
  expect(commonLine({ ...RECORD, target: "a".repeat(9999) }).length).toBeLessThan(700);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const line of [commonLine({ ...RECORD, target: text }), jsonLine({ ...RECORD, range: text })]) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }
      expect(commonLine({ ...RECORD, target: text })).toMatch(/^[^"]*"([^"\\]|\\.)*" 206 5120$/);
    }),
    { numRuns: 1000 },
  );
});
