import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { disable } from "../../src/update/disable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

// For busy machines: it installs a whole release.
setDefaultTimeout(60_000);

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");

let site: Site;
let host: UpdateHost;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.1.0" });
  site.server.find = advertise("18.1.0");
  host = offlineHost(site);
  await host.enroll();
  await disable(host.world, { namespace: NAMESPACE });
});
afterAll(async () => {
  host[Symbol.dispose]();
  await site[Symbol.asyncDispose]();
});

/** Runs the program in a process of its own. */
async function run(...words: string[]) {
  const child = Bun.spawn([process.execPath, PROGRAM, "--root", host.root, ...words], {
    env: {},
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}

describe("history", () => {
  test("is one line an action", async () => {
    const { exitCode, stdout, stderr } = await run("history");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(
      /^\S+ {2}enable nothing -> 18\.1\.0: done .* by its checksum\n\S+ {2}disable: done in .* s\n$/,
    );
  });

  test("is the lines as they are kept, with `--json`", async () => {
    const { exitCode, stdout } = await run("history", "--json");
    const entries = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect({ exitCode, entries }).toMatchObject({
      exitCode: 0,
      entries: [{ command: "enable" }, { command: "disable" }],
    });
  });
});

test.each([[[]], [["--json"]]])("a history in which nothing is recorded says so, beside stdout: %j", async (flags) => {
  using bare = offlineHost(site);
  bare.setConfig(updateYaml(["proxy: PROXY"], []));
  const child = Bun.spawn([process.execPath, PROGRAM, "--root", bare.root, "history", ...flags], {
    env: {},
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stdout.text()).toBe("");
  expect(await child.stderr.text()).toContain("Nothing is recorded yet. path:/opt/teleport/default/history.jsonl");
  expect(await child.exited).toBe(0);
});

test("a history of a suffix that nobody enrolled is not empty, but not there", async () => {
  using bare = offlineHost(site);
  const child = Bun.spawn([process.execPath, PROGRAM, "--root", bare.root, "history", "-i", "blue"], {
    env: {},
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stdout.text()).toBe("");
  expect(await child.stderr.text()).toContain("this host is not enrolled with the suffix `blue`");
  expect(await child.exited).toBe(1);
});

describe("verify", () => {
  test("tells that all is whole, and ends with 0", async () => {
    expect(await run("verify")).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(
        /^18\.1\.0 \(active\): as it was installed, \d+ files, accepted by its checksum\n$/,
      ),
      stderr: "",
    });
  });

  test("tells what is damaged, as JSON too, and ends with 1", async () => {
    appendFileSync(`${host.root}${NAMESPACE.versions}/18.1.0/bin/tsh`, "x");
    expect(await run("verify")).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("DAMAGED") });
    const { exitCode, stdout } = await run("verify", "--json");
    expect({ exitCode, report: JSON.parse(stdout) }).toEqual({
      exitCode: 1,
      report: {
        versions: [
          {
            version: "18.1.0",
            role: "active",
            proof: "checksum",
            verdict: { state: "damaged", problems: [expect.stringMatching(/^`bin\/tsh` was changed/)] },
          },
        ],
      },
    });
  });
});
