import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { UpdateError } from "../../src/platform/errors.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { type Action, historyPath, readHistory, recorded } from "../../src/update/history.ts";
import { CLOCK_JUMPS, quickClock } from "../support/quick-clock.ts";
import { temporaryHost } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";

const NAMESPACE = namespaceFor("");
const PATH = historyPath(NAMESPACE);

const begun = async (action: Action) => {
  action.isBegun = true;
};

function historyHost() {
  const host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.directory);
  return { ...host, world: testWorld(host.root) };
}

test("an action is one line, readable by root alone", async () => {
  using host = historyHost();
  const answer = await recorded(host.world, NAMESPACE, "update", async (action) => {
    action.isBegun = true;
    action.from = revision("18.1.0", ["Enterprise"]);
    action.to = revision("18.2.0", ["Enterprise"]);
    action.proof = "checksum";
    return 7;
  });
  expect(answer).toBe(7);
  expect(readFileSync(`${host.root}${PATH}`, "utf8").split("\n")).toHaveLength(2);
  expect(statSync(`${host.root}${PATH}`).mode & 0o777).toBe(0o600);
  expect(readHistory(host.files, NAMESPACE)).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      command: "update",
      outcome: "done",
      from: "18.1.0+Enterprise",
      to: "18.2.0+Enterprise",
      proof: "checksum",
      seconds: expect.any(Number),
      updater: expect.stringMatching(/^\d+\.\d+\.\d+-/),
    },
  ]);
});

test.each(Object.entries(CLOCK_JUMPS))(
  "it lasts as long as it did when the clock is set %s in it",
  async (_, jumpMs) => {
    using host = historyHost();
    const clock = quickClock();
    const world = { ...host.world, clock };
    await recorded(world, NAMESPACE, "update", async (action) => {
      action.isBegun = true;
      clock.jump(jumpMs);
      await clock.sleep(1500, world.signal);
    });
    expect(readHistory(host.files, NAMESPACE)).toMatchObject([{ seconds: 1.5 }]);
  },
);

test("a failure is recorded by its code, and thrown on", async () => {
  using host = historyHost();
  const failure = new UpdateError("E_CHECKSUM", "the archive differs");
  const failing = recorded(host.world, NAMESPACE, "enable", (action) => {
    action.isBegun = true;
    return Promise.reject(failure);
  });
  await expect(failing).rejects.toBe(failure);
  expect(readHistory(host.files, NAMESPACE)).toMatchObject([
    { command: "enable", outcome: "failed", code: "E_CHECKSUM", error: "the archive differs" },
  ]);
});

describe("nothing is recorded", () => {
  test("of a run that had nothing to do", async () => {
    using host = historyHost();
    await recorded(host.world, NAMESPACE, "update", async () => {});
    await recorded(host.world, NAMESPACE, "update", () => Promise.reject(new Error("no network"))).catch(() => {});
    expect(readHistory(host.files, NAMESPACE)).toEqual([]);
  });

  test("where nothing is installed, not even a folder", async () => {
    using host = temporaryHost();
    await recorded(testWorld(host.root), NAMESPACE, "disable", begun);
    expect(host.files.stat(NAMESPACE.directory)).toBeUndefined();
  });
});

test("a file that has grown too long loses its older half, and stays whole lines", async () => {
  using host = historyHost();
  const line = (index: number) => `${JSON.stringify({ time: "t", command: `c${index}`, error: "x".repeat(1000) })}\n`;
  host.write(PATH, Array.from({ length: 600 }, (_, index) => line(index)).join(""));
  chmodSync(`${host.root}${PATH}`, 0o600);
  await recorded(host.world, NAMESPACE, "update", begun);
  const entries = readHistory(host.files, NAMESPACE);
  expect(entries.length).toBeGreaterThan(250);
  expect(entries.length).toBeLessThan(350);
  expect(entries.at(-1)?.command).toBe("update");
  expect(entries.at(-2)?.command).toBe("c599");
  expect(statSync(`${host.root}${PATH}`).mode & 0o777).toBe(0o600);
});

test("a torn line is passed over; a history that cannot be written stops nobody", async () => {
  using host = historyHost();
  host.write(PATH, `{"time":"t","command":"a"}\n{"time":"t","comm`);
  expect(readHistory(host.files, NAMESPACE).map(({ command }) => command)).toEqual(["a"]);
  await recorded(testWorld(host.root), NAMESPACE, "update", begun);
  expect(readHistory(host.files, NAMESPACE).map(({ command }) => command)).toEqual(["a", "update"]);

  using blocked = historyHost();
  blocked.files.makeDirectory(PATH);
  await recorded(blocked.world, NAMESPACE, "update", begun);
  expect(blocked.world.log.lines).toEqual([expect.stringContaining("WARN The history cannot be written.")]);
});
