import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type FindAnswer, MAX_JITTER_SECONDS, parseFindAnswer } from "../../src/cluster/find-answer.ts";
import { isUpdateError, UpdateError } from "../../src/platform/errors.ts";
import { formatRevision } from "../../src/settings/revision.ts";

const PROXY = "example.com:3080";

describe("the version, window and jitter (updater-core 5.1)", () => {
  test.each<[body: unknown, expected: Partial<FindAnswer> & { version?: string }]>([
    [{}, { version: "", inWindow: false, jitterSeconds: 0, agpl: true }],
    [
      { auto_update: null, edition: null, fips: null },
      { version: "", inWindow: false, jitterSeconds: 0 },
    ],
    [{ auto_update: { agent_version: "18.1.0", agent_auto_update: true } }, { version: "18.1.0", inWindow: true }],
    [{ auto_update: { agent_version: "v18.1.0-rc.1" } }, { version: "18.1.0-rc.1" }],
    [{ auto_update: { agent_update_jitter_seconds: 60 } }, { jitterSeconds: 60 }],
    [{ auto_update: { agent_update_jitter_seconds: 1800.0 } }, { jitterSeconds: MAX_JITTER_SECONDS }],
    [{ auto_update: { agent_update_jitter_seconds: 4e9 } }, { jitterSeconds: MAX_JITTER_SECONDS }],
    [{ auto_update: { tools_version: 5 }, server_version: "19.0.0", auth: { type: "local" } }, { version: "" }],
  ])("[threat jitter-cap] %j", (body, { version, ...expected }) => {
    const answer = parse(body);
    expect(answer).toMatchObject(expected);
    if (version !== undefined) expect(answer.target.version).toBe(version);
  });
});

describe("the edition (updater-core 5.1)", () => {
  test.each<[edition: string | undefined, fips: boolean, target: string, agpl: boolean, warned: string[]]>([
    ["ent", false, "18.1.0+Enterprise", false, []],
    ["ent", true, "18.1.0+Enterprise+FIPS", false, []],
    ["community", false, "18.1.0", false, []],
    ["community", true, "18.1.0+FIPS", false, []],
    ["oss", false, "18.1.0", true, []],
    [undefined, false, "18.1.0", true, [""]],
    ["Ent", false, "18.1.0", true, ["Ent"]],
    ["constructor", false, "18.1.0", true, ["constructor"]],
  ])("%p, fips %p: %s", (edition, fips, target, agpl, warned) => {
    const heard: string[] = [];
    const answer = parse({ auto_update: { agent_version: "18.1.0" }, edition, fips }, (name) => heard.push(name));
    expect([formatRevision(answer.target), answer.agpl, heard]).toEqual([target, agpl, warned]);
  });
});

test("the edition is known where no version is", () => {
  const { target, flags } = parse({ edition: "ent", fips: true });
  expect([target.version, target.flags, flags]).toEqual(["", [], ["Enterprise", "FIPS"]]);
});

describe("what is no answer", () => {
  test.each<[status: number, contentType: string, text: string, message: string]>([
    [404, "text/plain", "", "answered HTTP 404: there is no such place, when asked for the agent version"],
    [
      503,
      "text/plain",
      "try later\n",
      'answered HTTP 503: the server is overloaded, or down for maintenance, when asked for the agent version: "try later"',
    ],
    [200, "text/html", "<p>Log in", 'answered with a web page when asked for the agent version: "<p>Log in"'],
    [200, "", "\n<!DOCTYPE html>", 'answered with a web page when asked for the agent version: "<!DOCTYPE html>"'],
    [200, "text/plain", "", "answered with something else than a JSON object when asked for the agent version"],
    [
      200,
      "",
      "\u001b[2J",
      'answered with something else than a JSON object when asked for the agent version: "\\u001b[2J"',
    ],
    [
      200,
      "application/json",
      "[]",
      'answered with something else than a JSON object when asked for the agent version: "[]"',
    ],
    [
      200,
      "application/json",
      "x".repeat(90),
      `answered with something else than a JSON object when asked for the agent version: "${"x".repeat(80)}…"`,
    ],
  ])("[threat answer-limits] [threat status-means] %p %p %p", (status, contentType, text, message) => {
    const headers = new Headers({ "content-type": contentType });
    const read = () => parseFindAnswer({ status, headers, text, proxy: PROXY });
    expect(read).toThrow(new UpdateError("E_FIND", `\`${PROXY}\` ${message}`));
  });

  test.each([
    { auto_update: "18.1.0" },
    { auto_update: [] },
    { auto_update: { agent_version: 18 } },
    { auto_update: { agent_auto_update: "true" } },
    { auto_update: { agent_update_jitter_seconds: -1 } },
    { auto_update: { agent_update_jitter_seconds: 1.5 } },
    { auto_update: { agent_update_jitter_seconds: "60" } },
    { edition: 1 },
    { fips: "no" },
  ])("wrong types: %j", (body) => expect(code(() => parse(body))).toBe("E_FIND"));

  test("a jitter that is no number in the end", () => {
    const text = '{"auto_update":{"agent_update_jitter_seconds":1e999}}';
    expect(code(() => parseFindAnswer({ status: 200, headers: new Headers(), text, proxy: PROXY }))).toBe("E_FIND");
  });

  test.each([
    "latest",
    "18",
    "../../etc",
    "18.1.0/..",
    "18.1.0\n",
    "vv18.1.0",
    "18.1.0-..",
    "18.1.0+%2e%2e",
    "18.1.0-\u202e",
    `18.1.0-${"x".repeat(60)}`,
  ])("[threat strict-versions] version %p", (version) => {
    const read = () => parse({ auto_update: { agent_version: version } });
    expect(code(read)).toBe("E_VERSION");
    expect(read).toThrow(expect.objectContaining({ hint: expect.stringContaining("tctl edit autoupdate_version") }));
  });

  test.each(["\u001b[2J", "\u009b2J", "\u007f", "\u202e", "\u2028"])(
    "[threat plain-output] a version with %j is shown as an escape",
    (version) => {
      const read = () => parse({ auto_update: { agent_version: version } });
      const escaped = `\\u${version.charCodeAt(0).toString(16).padStart(4, "0")}`;
      expect(read).toThrow(expect.objectContaining({ message: expect.stringContaining(escaped) }));
      expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining(version) }));
    },
  );
});

test("whatever a server sends is refused by name, or within bounds", () => {
  const body = fc.record(
    {
      auto_update: fc.record(
        {
          agent_version: fc.oneof(fc.constant("18.1.0"), fc.jsonValue()),
          agent_auto_update: fc.oneof(fc.boolean(), fc.jsonValue()),
          agent_update_jitter_seconds: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
        },
        { requiredKeys: [] },
      ),
      edition: fc.oneof(fc.constantFrom("ent", "oss"), fc.jsonValue()),
      fips: fc.oneof(fc.boolean(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    body.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(200, 200, 404), (text, status) => {
      try {
        const { target, inWindow, jitterSeconds, agpl } = parseFindAnswer({
          status,
          headers: new Headers(),
          text,
          proxy: PROXY,
        });
        expect(target.version).toMatch(/^$|^\d+\.\d+\.\d+/);
        expect([typeof inWindow, typeof agpl]).toEqual(["boolean", "boolean"]);
        expect(Number.isInteger(jitterSeconds) && jitterSeconds >= 0 && jitterSeconds <= MAX_JITTER_SECONDS).toBe(true);
      } catch (error) {
        if (!isUpdateError(error, "E_FIND", "E_VERSION")) throw error;
        expect(error.message).toMatch(/^\P{Cc}*$/u);
        expect(error.message.length).toBeLessThan(700);
      }
    }),
  );
  // For busy machines.
}, 30_000);

function parse(body: unknown, unknown: (edition: string) => void = () => {}): FindAnswer {
  const received = { status: 200, headers: new Headers(), text: JSON.stringify(body), proxy: PROXY };
  return parseFindAnswer(received, { unknown });
}

function code(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return isUpdateError(error) ? error.code : String(error);
  }
}
