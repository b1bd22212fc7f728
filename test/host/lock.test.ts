import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { acquireLock, type LockMode } from "../../src/host/lock.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { Files } from "../../src/platform/files.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Processes, RunResult } from "../../src/platform/processes.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { must } from "../support/must.ts";
import { CLOCK_JUMPS, quickClock } from "../support/quick-clock.ts";
import { recordingLog } from "../support/recording-log.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");
const namespace = namespaceFor("");
const ONCE: LockMode = { kind: "exclusive", waitMs: 0 };
const SHARED_ONCE: LockMode = { kind: "shared", waitMs: 0 };
/** What flock(1) says while another holds the lock. */
const BUSY: RunResult = { exitCode: 75, failure: undefined, timedOut: false, stdout: "", stderr: "" };
const PATIENT: LockMode = { kind: "exclusive", waitMs: "forever" };

/** The world of one updater; `waiting` resolves once it has met another holder. */
function updater(host: TemporaryHost) {
  const { promise: waiting, resolve } = Promise.withResolvers<void>();
  const interrupt = new AbortController();
  const world = {
    files: host.files,
    processes: hostProcesses,
    clock: systemClock,
    log: recordingLog(() => resolve()),
    signal: interrupt.signal,
  };
  return { world, waiting, interrupt };
}

const acquire = (host: TemporaryHost, mode: LockMode) => acquireLock(updater(host).world, namespace, mode);
const at = (host: TemporaryHost) => host.files.real(namespace.lock);

const holders: { end(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const holder of holders.splice(0)) await holder.end();
});

/** Another program that holds the lock until it is told to end, as an upstream updater would. */
async function holdElsewhere(host: TemporaryHost, kind: "-x" | "-s" = "-x") {
  host.files.makeDirectory(namespace.versions);
  const child = Bun.spawn(["flock", kind, at(host), "sh", "-c", "echo held; exec cat"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await child.stdout.getReader().read();
  const holder = {
    end() {
      child.stdin.end();
      return child.exited;
    },
  };
  holders.push(holder);
  return holder;
}

/** What flock(1) finds: whether somebody holds the lock now. */
async function isHeld(host: TemporaryHost): Promise<boolean> {
  const exitCode = await Bun.spawn(["flock", "-n", "-E", "75", at(host), "true"]).exited;
  if (exitCode !== 0 && exitCode !== 75) throw new Error(`flock ended with ${exitCode}`);
  return exitCode === 75;
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("acquireLock", () => {
  test("makes the namespace, holds a real flock, and lets go at the end of the scope", async () => {
    using host = temporaryHost();
    {
      using _lock = await acquire(host, ONCE);
      expect(host.files.stat(namespace.versions)).toMatchObject({ kind: "directory", mode: 0o755 });
      expect(host.files.stat(namespace.lock)).toMatchObject({ kind: "file", mode: 0o600 });
      expect(await isHeld(host)).toBeTrue();
    }
    expect(await isHeld(host)).toBeFalse();
  });

  test("[threat own-files] one that others may open, and so hold for ever, is closed to them", async () => {
    using host = temporaryHost();
    host.write(namespace.lock, "", 0o644);
    using _lock = await acquire(host, ONCE);
    expect(host.files.stat(namespace.lock)?.mode).toBe(0o600);
  });

  test("one try against another holder is `E_LOCK_BUSY`, and names the holder", async () => {
    using host = temporaryHost();
    await holdElsewhere(host);
    const failure = await acquire(host, ONCE).catch((error) => error);
    expect(failure).toEqual(code("E_LOCK_BUSY"));
    expect(failure.message).toMatch(/`\/.+\/opt\/teleport\/default\/update\.lock`: pid \d+ \(.*(flock|cat).*\)$/);
  });

  test("shared holders do not exclude each other, but an exclusive one", async () => {
    using host = temporaryHost();
    await holdElsewhere(host, "-s");
    using _lock = await acquire(host, SHARED_ONCE);
    expect(await acquire(host, ONCE).catch((error) => error)).toEqual(code("E_LOCK_BUSY"));
  });

  test("a limited wait ends in `E_LOCK_BUSY`, and not early", async () => {
    using host = temporaryHost();
    await holdElsewhere(host);
    const begin = performance.now();
    const failure = await acquire(host, { kind: "exclusive", waitMs: 300 }).catch((error) => error);
    expect(failure).toEqual(code("E_LOCK_BUSY"));
    expect(performance.now() - begin).toBeGreaterThanOrEqual(295);
  });

  test.each(Object.entries(CLOCK_JUMPS))(
    "a limited wait is as long when the clock is set %s in it",
    async (_, jumpMs) => {
      using host = temporaryHost();
      const clock = quickClock();
      const asked: (readonly string[])[] = [];
      const processes: Processes = {
        ...hostProcesses,
        async run(argv, options) {
          asked.push(argv);
          clock.jump(jumpMs);
          const isFirst = asked.length === 1;
          return isFirst ? BUSY : await hostProcesses.run(argv, options);
        },
      };
      const mode: LockMode = { kind: "exclusive", waitMs: 600_000 };
      using _lock = await acquireLock({ ...updater(host).world, clock, processes }, namespace, mode);
      expect(asked.map((argv) => argv.slice(2, -3))).toEqual([["-n"], ["-w", "600.000"]]);
    },
  );

  test("an unlimited wait ends when the holder does", async () => {
    using host = temporaryHost();
    const holder = await holdElsewhere(host);
    const { world, waiting } = updater(host);
    const acquiring = acquireLock(world, namespace, PATIENT);
    await waiting;
    await holder.end();
    using _lock = await acquiring;
    expect(await isHeld(host)).toBeTrue();
    expect(world.log.lines).toMatchObject([{ level: "info", message: "Waiting for another updater." }]);
  });

  test("a lock file that was deleted under the wait is not mistaken for the lock", async () => {
    using host = temporaryHost();
    const holder = await holdElsewhere(host);
    const { world, waiting } = updater(host);
    const acquiring = acquireLock(world, namespace, PATIENT);
    await waiting;
    rmSync(host.files.real(namespace.directory), { recursive: true });
    await holder.end();
    using _lock = await acquiring;
    expect(await isHeld(host)).toBeTrue();
  });

  test("a folder that an uninstallation takes away again is made anew, and one that does not stay is an error", async () => {
    using host = temporaryHost();
    let taken = 0;
    const acquireTaking = (times: number) => {
      taken = 0;
      const makeDirectory: Files["makeDirectory"] = (path) => {
        const made = host.files.makeDirectory(path);
        taken += 1;
        if (taken <= times) host.files.removeTree(namespace.directory);
        return made;
      };
      return acquireLock({ ...updater(host).world, files: { ...host.files, makeDirectory } }, namespace, ONCE);
    };
    const failure = await acquireTaking(Number.POSITIVE_INFINITY).catch((error) => error);
    expect([failure, taken]).toEqual([code("E_LOCK"), 10]);
    using _lock = await acquireTaking(3);
    expect(await isHeld(host)).toBeTrue();
  });

  test("an interrupted wait is `E_CANCELED`, and takes nothing", async () => {
    using host = temporaryHost();
    const holder = await holdElsewhere(host);
    const { world, waiting, interrupt } = updater(host);
    const acquiring = acquireLock(world, namespace, PATIENT).catch((error) => error);
    await waiting;
    interrupt.abort();
    expect(await acquiring).toEqual(code("E_CANCELED"));
    await holder.end();
    expect(await isHeld(host)).toBeFalse();
  });

  test("a child that inherits the descriptor keeps the lock past our end", async () => {
    using host = temporaryHost();
    const lock = await acquire(host, ONCE);
    const inheritor = Promise.withResolvers<void>();
    const child = hostProcesses.run(["/bin/sh", "-c", "exec 9<>go; echo started; read line <&9"], {
      directory: makeFifo(host),
      descriptors: [lock.descriptor],
      onLine: () => inheritor.resolve(),
    });
    await inheritor.promise;
    lock[Symbol.dispose]();
    expect(await isHeld(host)).toBeTrue();
    await Bun.write(`${host.root}/go`, "go\n");
    await child;
    expect(await isHeld(host)).toBeFalse();
  });

  test("a child that does not inherit it holds nothing", async () => {
    using host = temporaryHost();
    const lock = await acquire(host, ONCE);
    const child = Bun.spawn(["cat"], { stdin: "pipe" });
    lock[Symbol.dispose]();
    expect(await isHeld(host)).toBeFalse();
    child.stdin.end();
    await child.exited;
  });

  test("[threat own-files] a lock file that is a symlink is refused, and nothing made at its end", async () => {
    using host = temporaryHost();
    host.link(namespace.lock, "/etc/shadow");
    host.files.makeDirectory("/etc");
    expect(await acquire(host, ONCE).catch((error) => error)).toEqual(code("E_LOCK"));
    expect(host.files.stat("/etc/shadow")).toBeUndefined();
  });

  test.each<[reason: string, plant: (lock: string) => unknown]>([
    ["it is a directory", (lock) => mkdirSync(lock)],
    ["it is not a regular file", (lock) => must(["mkfifo", lock])],
    ["it is a socket or a device", (lock) => bindSocket(lock)],
    ["its mode 666 lets others write it", (lock) => writeWithMode(lock, 0o666)],
  ])("[threat own-files] a planted lock is refused, and the one after it taken: %s", async (reason, plant) => {
    using host = temporaryHost();
    host.files.makeDirectory(namespace.versions);
    await plant(at(host));
    const failure = await acquire(host, ONCE).catch((error) => error);
    expect(failure).toMatchObject({
      code: "E_LOCK",
      message: `cannot use the lock \`${at(host)}\`: ${reason}`,
      hint: `move it away: \`mv ${at(host)} ${at(host)}.bad\``,
    });
    host.files.rename(namespace.lock, `${namespace.lock}.bad`);
    using _lock = await acquire(host, ONCE);
    expect(await isHeld(host)).toBeTrue();
  });

  test.if(process.geteuid?.() === 0)("[threat own-files] a lock file of somebody else is refused", async () => {
    using host = temporaryHost();
    host.write(namespace.lock, "");
    chownSync(at(host), 65_534, 65_534);
    expect(await acquire(host, ONCE).catch((error) => error)).toMatchObject({
      code: "E_LOCK",
      message: expect.stringContaining("belongs to the user 65534"),
    });
  });

  test("one that cannot be opened says why, and what to do: a file system that is read-only", async () => {
    using host = temporaryHost();
    host.files.makeDirectory(namespace.versions);
    const { exitCode, stderr } = await onReadOnly(host.root, PROGRAM, "disable", "--root", host.root);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(
        /cannot open the lock `.*\/update\.lock`: the file system is read-only" code:E_LOCK hint:"remount .*dmesg/,
      ),
    });
  });

  test("a host without `flock` is told which package it lacks", async () => {
    using host = temporaryHost();
    const world = { ...updater(host).world, processes: { ...hostProcesses, find: () => undefined } };
    const failure = await acquireLock(world, namespace, ONCE).catch((error) => error);
    expect(failure).toMatchObject({
      code: "E_LOCK",
      message: `cannot lock \`${at(host)}\`: the program \`flock\` was not found on this host`,
      hint: expect.stringContaining("util-linux"),
    });
  });
});

/** Runs a program of ours in mounts of its own, to which `folder` is read-only. Needs root or user namespaces. */
async function onReadOnly(folder: string, ...words: string[]) {
  const unshare = ["unshare", "--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
  const inside = `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && exec "$@"`;
  const child = Bun.spawn([...unshare, "sh", "-c", inside, "sh", process.execPath, ...words], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  return { stderr, exitCode };
}

/** The name of a socket stays when its listener is gone. */
async function bindSocket(lock: string): Promise<void> {
  const elsewhere = `${lock}.bound`;
  const server = Bun.serve({ unix: elsewhere, fetch: () => new Response() });
  renameSync(elsewhere, lock);
  await server.stop();
}

function writeWithMode(path: string, mode: number): void {
  writeFileSync(path, "");
  chmodSync(path, mode);
}

function makeFifo(host: TemporaryHost): string {
  Bun.spawnSync(["mkfifo", `${host.root}/go`]);
  return host.root;
}
