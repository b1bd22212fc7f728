import { describe, expect, test } from "bun:test";
import { serviceFacts } from "../../src/host/service-facts.ts";
import { systemd } from "../../src/host/systemd.ts";
import { readTimerFacts } from "../../src/host/timer-facts.ts";
import type { Files } from "../../src/platform/files.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import type { Processes } from "../../src/platform/processes.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { recordingLog } from "../support/recording-log.ts";

const UNIT = "teleport.service";

/** `systemctl` by script: an answer for each command line, exit code 0 where there is none. */
function scripted(answers: Record<string, number | string> = {}, files: Files = runningHost()) {
  const asked: string[] = [];
  const log = recordingLog();
  const processes: Processes = {
    find: (name) => `/usr/bin/${name}`,
    probe: () => "alive",
    async run([program, ...args], options) {
      asked.push([program, ...args].join(" "));
      const answer = answers[args.join(" ")] ?? (args[0] === "--version" ? "systemd 252 (252.36-1)" : 0);
      options?.onLine?.("said", "stdout");
      options?.onLine?.("complained", "stderr");
      const exitCode = typeof answer === "number" ? answer : 0;
      return {
        exitCode,
        failure: exitCode < 0 ? "ended by SIGKILL" : undefined,
        timedOut: false,
        stdout: typeof answer === "string" ? answer : "",
        stderr: "",
      };
    },
  };
  const world = { files, processes, log };
  return { world, asked, log, manager: systemd(world) };
}

/** This machine, with systemd running whether it does or not. */
function runningHost(): Files {
  const files = hostFiles();
  const directory = { kind: "directory", mode: 0o755, size: 0, owner: 0, group: 0, links: 2 } as const;
  return {
    ...files,
    statFollowed: (path) => (path === "/run/systemd/system" ? directory : files.statFollowed(path)),
  };
}

describe("systemd", () => {
  test("asks with the argv of the contract", async () => {
    const { manager, asked } = scripted();
    await manager.isActive(UNIT);
    await manager.isEnabled(UNIT);
    await manager.isPresent(UNIT);
    await manager.reload(UNIT);
    await manager.tryRestart(UNIT);
    await manager.daemonReload();
    await manager.enable(UNIT, true);
    await manager.enable(UNIT, false);
    await manager.disable(UNIT, true);
    await manager.disable(UNIT, false);
    expect(asked.map((line) => line.replace("/usr/bin/systemctl ", ""))).toEqual([
      "is-active --quiet teleport.service",
      "is-enabled --quiet teleport.service",
      "--version",
      "list-unit-files --quiet teleport.service",
      "reload teleport.service",
      "try-restart teleport.service",
      "daemon-reload",
      "enable teleport.service --now",
      "enable teleport.service",
      "disable teleport.service --now",
      "disable teleport.service",
    ]);
  });

  test.each([
    ["is-active --quiet teleport.service", "debug"],
    ["reload teleport.service", "error"],
    ["daemon-reload", "error"],
    ["enable teleport.service", "info"],
  ])("logs what `systemctl %s` prints, errors at %s", async (call, level) => {
    const { manager, log } = scripted();
    if (call.startsWith("is-active")) await manager.isActive(UNIT);
    else if (call.startsWith("reload")) await manager.reload(UNIT);
    else if (call.startsWith("enable")) await manager.enable(UNIT, false);
    else await manager.daemonReload();
    expect(log.lines.map((line) => [line.level, line.message] as string[])).toEqual([
      ["debug", "[stdout] said"],
      [level, "[stderr] complained"],
    ]);
  });

  test("an exit code above 0 answers a question with no", async () => {
    const { manager } = scripted({
      "is-active --quiet teleport.service": 3,
      "is-enabled --quiet teleport.service": 1,
      "list-unit-files --quiet teleport.service": 1,
      "reload teleport.service": 1,
    });
    expect(await manager.state(UNIT)).toEqual({ enabled: false, active: false });
    expect(await manager.isPresent(UNIT)).toBe("absent");
    expect(await manager.reload(UNIT)).toBeFalse();
  });

  test.each([
    ["systemd 245 (245.4-4ubuntu3)\n+PAM", "not-available"],
    ["systemd 219\n", "not-available"],
    ["systemd 246 (246.1)\n", "present"],
    ["systemd 257 (257.8-1~deb13u2)\n+PAM", "present"],
  ] as const)("whether a unit is present, as %j tells", async (version, expected) => {
    const { manager } = scripted({ "--version": version });
    expect(await manager.isPresent(UNIT)).toBe(expected);
  });

  test("what cannot be run, or is refused, is `E_SYSTEMD` and says what to read", async () => {
    const { manager } = scripted({
      "is-active --quiet teleport.service": -1,
      "reload teleport.service": -1,
      "try-restart teleport.service": 1,
      "daemon-reload": 1,
      "enable teleport.service --now": 1,
      "--version": "busybox",
    });
    const calls = [
      manager.isActive(UNIT),
      manager.reload(UNIT),
      manager.tryRestart(UNIT),
      manager.daemonReload(),
      manager.enable(UNIT, true),
      manager.version(),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "E_SYSTEMD" } });
    }
    const failure = await manager.tryRestart(UNIT).catch((error) => error);
    expect(failure.hint).toContain("systemctl status teleport.service");
    expect(failure.hint).toContain("journalctl -u teleport.service");
  });

  test("a host seen through a root directory never runs systemd, and this machine's is not asked for it", async () => {
    const { manager, asked } = scripted({}, { ...runningHost(), root: "/mnt" });
    expect(manager.isRunning()).toBeFalse();
    await expect(manager.daemonReload()).rejects.toMatchObject({ code: "E_INTERNAL" });
    expect(await manager.isStopping()).toBeFalse();
    expect(asked).toEqual([]);
    expect(scripted().manager.isRunning()).toBeTrue();
  });
});

describe("readTimerFacts", () => {
  const V1 = "teleport-upgrade.timer";

  test("both timers of the default namespace", async () => {
    const { world, manager } = scripted({
      "is-active --quiet teleport-update.timer": 3,
      [`is-enabled --quiet ${V1}`]: 1,
    });
    expect(await readTimerFacts(world.files, manager, namespaceFor(""))).toEqual({
      kind: "present",
      timer: { enabled: true, active: false },
      v1: { installed: true, state: { enabled: false, active: true } },
    });
  });

  test("a suffixed namespace asks about its own timer only", async () => {
    const { world, asked, manager } = scripted();
    expect(await readTimerFacts(world.files, manager, namespaceFor("test"))).toMatchObject({
      v1: { installed: false },
    });
    expect(asked.join()).toContain("teleport-update_test.timer");
    expect(asked.join()).not.toContain(V1);
  });

  test("an absent v1 timer is not asked for its state", async () => {
    const { world, asked, manager } = scripted({ [`list-unit-files --quiet ${V1}`]: 1 });
    expect(await readTimerFacts(world.files, manager, namespaceFor(""))).toMatchObject({ v1: { installed: false } });
    expect(asked.join()).not.toContain(`is-enabled --quiet ${V1}`);
  });

  test.each([
    ["a unit file", true],
    ["no unit file", false],
  ])("where systemd is too old, %s tells", async (_, exists) => {
    const files = runningHost();
    const withV1: Files = {
      ...files,
      statFollowed: (path) =>
        path.endsWith(V1) ? (exists ? files.statFollowed("/run/systemd/system") : undefined) : files.statFollowed(path),
    };
    const { world, manager } = scripted({ "--version": "systemd 219\n" }, withV1);
    expect(await readTimerFacts(world.files, manager, namespaceFor(""))).toMatchObject({ v1: { installed: exists } });
  });

  test("without systemd, and through a root directory, nothing is run", async () => {
    const absent = scripted({}, { ...runningHost(), statFollowed: () => undefined });
    expect(await readTimerFacts(absent.world.files, absent.manager, namespaceFor(""))).toEqual({ kind: "absent" });
    const offline = scripted({}, { ...runningHost(), root: "/mnt" });
    expect(await readTimerFacts(offline.world.files, offline.manager, namespaceFor(""))).toEqual({ kind: "offline" });
    expect([...absent.asked, ...offline.asked]).toEqual([]);
  });
});

describe("serviceFacts", () => {
  test("every kind of fact", async () => {
    const none = scripted({}, { ...runningHost(), root: "/mnt" });
    expect(await serviceFacts(none.manager, UNIT)).toEqual({ kind: "no-systemd" });
    const old = scripted({ "--version": "systemd 219" });
    expect(await serviceFacts(old.manager, UNIT)).toEqual({ kind: "not-available" });
    const broken = scripted({ "is-enabled --quiet teleport.service": -1 });
    expect(await serviceFacts(broken.manager, UNIT)).toMatchObject({ kind: "failed" });
    const stopped = scripted({ "is-active --quiet teleport.service": 3 });
    expect(await serviceFacts(stopped.manager, UNIT)).toEqual({
      kind: "known",
      state: { enabled: true, active: false },
    });
  });
});
