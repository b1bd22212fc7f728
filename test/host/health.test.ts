import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPid, watchHealth } from "../../src/host/health.ts";
import { CLOCK_JUMPS, quickClock } from "../support/quick-clock.ts";
import { testWorld } from "../support/test-world.ts";

/** With real pauses, for what ends by itself: a busy machine may take its time. */
const TIMING = { intervalMs: 10, deadlineMs: 10_000 };
/** What ends at the deadline only is watched by a clock without pauses. */
const CONTRACT = { intervalMs: 2000, deadlineMs: 60_000 };
const SERVICE = { unit: "teleport.service", pidFile: "/run/teleport.pid", socket: "/data/debug.sock" };

let root: string;
let children: Bun.Subprocess[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "health-"));
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
  writePid(child.pid);
  return child.pid;
}

function writePid(pid: number): void {
  writeFileSync(join(root, "run/teleport.pid"), `${pid}\n`);
}

function serve(answer: () => Response) {
  return Bun.serve({ unix: join(root, "data/debug.sock"), fetch: answer });
}

const readiness = (status: number, pid: number) =>
  Response.json({ status: status === 200 ? "ok" : "starting", pid }, { status });

describe("a service that was reloaded", () => {
  test("is healthy with a new, stable, ready process", async () => {
    const pid = start();
    await using _server = serve(() => readiness(200, pid));
    const world = testWorld(root);
    await watchHealth(world, SERVICE, 1, TIMING);
    expect(world.log.lines).toEqual([]);
  });

  test("is healthy once it becomes ready", async () => {
    const pid = start();
    let asked = 0;
    await using _server = serve(() => readiness(++asked < 4 ? 503 : 200, pid));
    await watchHealth(testWorld(root), SERVICE, 1, TIMING);
    expect(asked).toBe(4);
  });

  test("fails when it never becomes ready", async () => {
    const pid = start();
    await using _server = serve(() => readiness(503, pid));
    const failure = await watchHealth(testWorld(root, { clock: quickClock() }), SERVICE, 1, CONTRACT).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: "E_UNHEALTHY", message: expect.stringContaining('"starting"') });
  });

  test("fails when another process answers", async () => {
    const pid = start();
    await using _server = serve(() => readiness(200, pid + 1));
    const failure = await watchHealth(testWorld(root, { clock: quickClock() }), SERVICE, 1, CONTRACT).catch(
      (error) => error,
    );
    expect(failure.message).toContain(`process ${pid + 1} answers instead of process ${pid}`);
  });

  test("fails when its process stays the old one", async () => {
    const pid = start();
    await using _server = serve(() => readiness(200, pid));
    const failure = await watchHealth(testWorld(root, { clock: quickClock() }), SERVICE, pid, CONTRACT).catch(
      (error) => error,
    );
    expect(failure.message).toContain("did not start a new process");
  });

  test("fails when its process dies and nobody comes after it", async () => {
    const pid = start();
    const dead = children.shift();
    dead?.kill("SIGKILL");
    await dead?.exited;
    const failure = await watchHealth(testWorld(root), SERVICE, pid - 1, TIMING).catch((error) => error);
    expect(failure).toMatchObject({ code: "E_UNHEALTHY", message: expect.stringContaining("crashed 3 times") });
  });

  test.each([
    ["is missing", () => {}],
    ["is no socket", () => writeFileSync(join(root, "data/debug.sock"), "")],
    ["is a link to one", () => symlinkSync("/run/other.sock", join(root, "data/debug.sock"))],
  ])("passes at the deadline with a warning when its socket %s", async (_case, arrange) => {
    start();
    arrange();
    const world = testWorld(root, { clock: quickClock() });
    await watchHealth(world, SERVICE, 1, CONTRACT);
    expect(world.log.lines.join("\n")).toContain("its debug socket seems disabled");
  });

  test.each([
    ["does not know the question", () => new Response("{}", { status: 404 })],
    ["answers with no JSON", () => new Response("fine")],
    ["sends without end", () => new Response("x".repeat(70_000))],
  ])("passes at the deadline with a warning when its socket %s", async (_case, answer) => {
    start();
    await using _server = serve(answer);
    const world = testWorld(root, { clock: quickClock() });
    await watchHealth(world, SERVICE, 1, CONTRACT);
    expect(world.log.lines.join("\n")).toContain("WARN");
  });

  test("without a PID to compare only its readiness counts", async () => {
    await using _server = serve(() => readiness(200, 4711));
    await watchHealth(testWorld(root), SERVICE, 0, TIMING);
  });

  test("is not watched any further after an interrupt", async () => {
    start();
    const abort = new AbortController();
    await using _server = serve(() => {
      abort.abort();
      return readiness(503, 0);
    });
    const failure = await watchHealth(testWorld(root, { signal: abort.signal }), SERVICE, 1, TIMING).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: "E_CANCELED" });
  });
});

describe.each(Object.entries(CLOCK_JUMPS))("a clock that is set %s in the middle of the watch", (_, jumpMs) => {
  /** The third pause is the one that the jump falls into. */
  function jumpingClock() {
    const clock = quickClock();
    return {
      ...clock,
      async sleep(milliseconds: number, signal: AbortSignal) {
        await clock.sleep(milliseconds, signal);
        if (clock.pauses.length === 3) clock.jump(jumpMs);
      },
    };
  }

  test("condemns no service that comes up", async () => {
    const pid = start();
    let asked = 0;
    await using _server = serve(() => readiness(++asked < 4 ? 503 : 200, pid));
    const clock = jumpingClock();
    await watchHealth(testWorld(root, { clock }), SERVICE, 1, CONTRACT);
    // The new process is met, then stays for six looks, then says three times that it is not ready.
    expect(clock.pauses).toHaveLength(1 + 6 + 3);
  });

  test.each<[string, number]>([
    ["keeps its old process", 0],
    ["does not become ready", 1],
  ])("waits no longer, and no shorter, for one that %s", async (_case, difference) => {
    const pid = start();
    await using _server = serve(() => readiness(503, pid));
    const clock = jumpingClock();
    const watch = watchHealth(testWorld(root, { clock }), SERVICE, pid - difference, CONTRACT);
    expect(await watch.catch((error) => error)).toMatchObject({ code: "E_UNHEALTHY" });
    expect(clock.pauses).toHaveLength(30);
  });
});

describe("[inst 8.10] the PID file", () => {
  test.each<[content: string | undefined, pid: number]>([
    ["4711\n", 4711],
    ["  12 ", 12],
    ["", 0],
    ["-1", 0],
    ["12x", 0],
    ["0", 0],
    [undefined, 0],
    ["1".repeat(40), 0],
  ])("%j is %d", (content, pid) => {
    if (content !== undefined) writeFileSync(join(root, "run/teleport.pid"), content);
    expect(readPid(testWorld(root), SERVICE.pidFile)).toBe(pid);
  });

  test.each<[kind: string, plant: (path: string) => unknown]>([
    ["a directory", (path) => mkdirSync(path)],
    ["a fifo that nobody writes", (path) => Bun.spawnSync(["mkfifo", path])],
    [
      "a link to another's",
      (path) => {
        writeFileSync(join(root, "run/sshd.pid"), "4711\n");
        symlinkSync("sshd.pid", path);
      },
    ],
    ["of a process that no kernel has", (path) => writeFileSync(path, "4294967295\n")],
  ])("[threat plantable-files] that is %s is 0", (_, plant) => {
    plant(join(root, "run/teleport.pid"));
    expect(readPid(testWorld(root), SERVICE.pidFile)).toBe(0);
  });

  test("[threat plantable-files] may name a process of others, which gets no signal", async () => {
    const traps = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM"].map((name) => `trap 'echo ${name} >>got' ${name}`);
    const script = [...traps, "trap 'echo TERM >>got; exit' TERM", "echo ready", "while :; do sleep 0.02; done"];
    const stranger = Bun.spawn(["sh", "-c", script.join("\n")], { cwd: root, stdout: "pipe" });
    children.push(stranger);
    await stranger.stdout.getReader().read();
    writePid(stranger.pid);
    await using _server = serve(() => readiness(503, stranger.pid));
    const failure = await watchHealth(testWorld(root, { clock: quickClock() }), SERVICE, 1, CONTRACT).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: "E_UNHEALTHY" });
    stranger.kill("SIGTERM");
    await stranger.exited;
    expect(readFileSync(join(root, "got"), "utf8")).toBe("TERM\n");
  });
});
