import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bringBack, readRunState } from "../../src/host/reload.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Processes } from "../../src/platform/processes.ts";
import { quickClock } from "../support/quick-clock.ts";
import { testWorld } from "../support/test-world.ts";

const SERVICE = { unit: "teleport.service", pidFile: "/run/teleport.pid", socket: "/data/debug.sock" };
const HEALTH = { intervalMs: 2000, deadlineMs: 60_000 };

let root: string;
let children: Bun.Subprocess[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "reload-"));
  for (const folder of ["run", "data"]) mkdirSync(join(root, folder));
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(root, { recursive: true });
});

/** A process that really is there, with its PID in the service's file. */
function start(): number {
  const child = Bun.spawn(["sleep", "1000"]);
  children.push(child);
  writeFileSync(join(root, "run/teleport.pid"), `${child.pid}\n`);
  return child.pid;
}

function serve(status: number) {
  return Bun.serve({
    unix: join(root, "data/debug.sock"),
    fetch: () => Response.json({ status: "said", pid: 0 }, { status }),
  });
}

/**
 * A host on which the service is in `state`, or is so when it is asked about first, second, …, and `systemctl` does what `verbs`
 * say; what it was asked to do is kept.
 */
function hostIn(state: string | readonly string[], verbs: Record<string, () => void> = {}) {
  const asked: string[] = [];
  const later = [state].flat();
  let now = "";
  const processes: Processes = {
    ...hostProcesses,
    find: (name) => `/usr/bin/${name}`,
    async run([_, verb = "", ...words]) {
      if (verb === "is-active") now = later.shift() ?? now;
      else asked.push([verb, ...words].join(" "));
      if (verb === "restart") now = "active";
      verbs[verb]?.();
      const exitCode = verb === "is-active" && now !== "active" ? 3 : 0;
      return { exitCode, failure: undefined, timedOut: false, stdout: `${now}\n`, stderr: "" };
    },
  };
  const files = { ...hostFiles(root), root: "/" };
  return { world: testWorld(root, { files, processes, health: HEALTH, clock: quickClock() }), asked };
}

const START_AFRESH = ["reset-failed teleport.service", "restart teleport.service"];

describe("a service that has to come back onto its old program", () => {
  test.each(["failed", "activating"])("is started when the new program brought it down, %s", async (state) => {
    const { world, asked } = hostIn(state, { restart: start });
    await using _server = serve(200);
    await bringBack(world, SERVICE, false, { active: true, pid: 1 });
    expect(asked).toEqual(START_AFRESH);
  });

  test("is started when it goes down again before it is reloaded", async () => {
    const { world, asked } = hostIn(["active", "activating"], { restart: start });
    await using _server = serve(200);
    await bringBack(world, SERVICE, false, { active: true, pid: 1 });
    expect(asked).toEqual(START_AFRESH);
  });

  test.each([
    ["somebody stopped it meanwhile", "inactive", true],
    ["it was down before", "failed", false],
  ])("is left alone when %s", async (_, state, active) => {
    const { world, asked } = hostIn(state);
    await bringBack(world, SERVICE, false, { active, pid: active ? 1 : 0 });
    expect(asked).toEqual([]);
  });

  test("is reloaded while it runs", async () => {
    const { world, asked } = hostIn("active", { reload: start });
    start();
    const before = await readRunState(world, SERVICE);
    await using _server = serve(200);
    await bringBack(world, SERVICE, false, before);
    expect(asked).toEqual(["reload teleport.service"]);
  });

  test("has nothing to come back from when it never left its old process", async () => {
    const pid = start();
    const { world, asked } = hostIn("active");
    await using _server = serve(200);
    await bringBack(world, SERVICE, false, await readRunState(world, SERVICE));
    expect(asked).toEqual(["reload teleport.service"]);
    expect(world.log.lines).toContain(`WARN The service never left its old process. unit:teleport.service pid:${pid}`);
  });

  test("fails when its old program does not become ready either, without a second try", async () => {
    const { world, asked } = hostIn("active", { reload: start });
    start();
    await using _server = serve(503);
    const failure = await bringBack(world, SERVICE, false, { active: true, pid: 1 }).catch((error) => error);
    expect(failure).toMatchObject({ code: "E_UNHEALTHY" });
    expect(asked).toEqual(["reload teleport.service"]);
  });
});
