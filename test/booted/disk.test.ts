import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { snapshot } from "../support/tree.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { eventually } from "./support/eventually.ts";
import {
  fill,
  mountOver,
  mountReadOnly,
  mountSmallDisk,
  rootWithMounts,
  type SmallDisk,
} from "./support/small-disk.ts";
import { STALLING_SYSTEMCTL, stallSetup } from "./support/stalling-setup.ts";
import { forgetPoints, POINTS_LOG, pathsPassed, type StoppedRun, stopAt } from "./support/struck-run.ts";
import { timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type Outcome, outcomeOf, type UpdaterHost } from "./support/updater-host.ts";
import { configOf, expectWhole, versionsOf } from "./support/whole.ts";

/* Disks that are small, fill up and break under a running update, on a host with an agent. */

const OLD = "18.1.0";
const NEW = "18.2.0";
const INSTALL_ROOT = "/opt/teleport";
const NAMESPACE = "/opt/teleport/default";
const VERSIONS = "/opt/teleport/default/versions";
const CONFIG = "/opt/teleport/default/update.yaml";
const INSTALL_MEGABYTES = 800;
const ETC_MEGABYTES = 16;
const FOLDERS = ["/etc/systemd", "/etc/needrestart", "/usr/local/bin", INSTALL_ROOT];
const UPDATE = ["teleport-update", "--log-format=json", "update", "--now"];
/** The points after which a unit is written, and those after which a program is linked. */
const UNITS = /^file:after:\/etc\/systemd\//;
const LINKS = /^link:after:\/usr\/local\/bin\//;
/** The diaries of the stand-in updater and of ours, and what this file and ext4 put there themselves. */
const OTHERS = /\/setup-calls\.jsonl$|\/history\.jsonl$|\/\.filler|\/lost\+found/;

let cluster: Cluster;
let booted: UpdaterHost;
let disk: SmallDisk;
/** As `booted`, seen with its mounts. */
let host: UpdaterHost;
beforeAll(async () => {
  cluster = await startCluster([{ version: OLD }, { version: NEW }]);
  booted = await bootUpdaterHost(cluster.ca, {
    executable: await testingExecutablePath(),
    files: { ...timerHeldBack(), ...STALLING_SYSTEMCTL },
  });
  disk = await mountSmallDisk(booted, INSTALL_ROOT, INSTALL_MEGABYTES);
  await mountOver(booted, "/etc", ETC_MEGABYTES);
  const directory = await rootWithMounts(booted);
  host = { ...booted, directory, footprint: () => footprintOf(directory) };
  await host.succeed(enableFrom(cluster));
  await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
  await expectWhole(host, cluster, { revision: OLD });
}, 300_000);
afterAll(async () => {
  await booted?.[Symbol.asyncDispose]();
  disk?.[Symbol.dispose]();
  await cluster?.[Symbol.asyncDispose]();
});
/** Lets every stalled download go on, so that a test that failed holds up no other. */
const gates: (() => void)[] = [];
afterEach(() => {
  for (const open of gates.splice(0)) open();
  for (const { urlPath } of Object.values(cluster.made)) cluster.respond(urlPath, undefined);
});

test("the install root is full: nothing is begun, and path and bytes are told", async () => {
  const { active, target } = moveBack();
  const before = await present();
  {
    await using _ = await fill(host, INSTALL_ROOT);
    const outcome = await updateNow();
    expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_NO_SPACE" });
    expect(reasonOf(outcome)).toMatch(
      /`\/opt\/teleport\/default`: it needs \d+ bytes, \d+ more stay in reserve, and \d+ are free/,
    );
    await expectWhole(host, cluster, { revision: active });
    expectUnchanged(before, await present());
  }
  await expectNextRunMoves(target);
});

test("the install root fills up during the download: what was staged goes", async () => {
  const { active, target } = moveBack();
  const before = await present();
  const download = stallDownload(target);
  const run = updateNow();
  await download.isUnpacking;
  {
    await using _ = await fill(host, INSTALL_ROOT);
    download.goOn();
    const outcome = await run;
    expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_NO_SPACE" });
    expect(reasonOf(outcome)).toContain(NAMESPACE);
  }
  await expectWhole(host, cluster, { revision: active });
  expectUnchanged(before, await present());
  await expectNextRunMoves(target);
});

test("the install root fills up during the setup step: the old release runs, and room is all that the next run needs", async () => {
  const { active, target } = moveBack();
  const setup = await stallSetup(host);
  const run = updateNow();
  await setup.reached();
  {
    await using _ = await fill(host, INSTALL_ROOT);
    await setup.goOn();
    const outcome = await run;
    expect(outcome.exitCode).toBe(1);
    // To put `update.yaml` back takes room too, which the run had set aside.
    expect(outcome.code).toBe("E_NO_SPACE");
    const { status, pid } = await readiness(host);
    const program = join(VERSIONS, active, "bin/teleport");
    expect({ status, program: await programOf(host, pid) }).toEqual({ status: "ok", program });
    expect(await host.ask("readlink", "/usr/local/bin/teleport")).toBe(program);
    expect(configOf(host).status.active.version).toBe(active);
  }
  await expectNextRunMoves(target);
});

test("`/etc` is full: units are put back", async () => {
  const { active, target } = moveBack();
  const before = await present();
  {
    await using _ = await fill(host, "/etc");
    const outcome = await updateNow("--self-setup");
    expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_NO_SPACE" });
    expect(reasonOf(outcome)).toContain("`/etc/systemd/system/");
    await expectWhole(host, cluster, { revision: active });
  }
  expectUnchanged(before, await present());
  await expectNextRunMoves(target);
});

test("`/etc` fills up in the middle of the units: the old release runs, and room is all that the next run needs", async () => {
  const stopped = await stopAmong(UNITS);
  {
    await using _ = await fill(host, "/etc");
    const outcome = await stopped.run.goOn();
    // To put a unit back takes room, too, and the run set none aside on this disk.
    expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_ROLLBACK" });
    expect(hintOf(outcome)).toContain("free some space, and run the command again");
    await expectOldServes(stopped);
  }
  await expectNextRunMoves(stopped.target);
});

test("`/etc` becomes read-only in the middle of the units: the old release runs, and the next run puts it all right", async () => {
  const stopped = await stopAmong(UNITS);
  {
    await using _ = await mountReadOnly(host, "/etc");
    const outcome = await stopped.run.goOn();
    expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_ROLLBACK" });
    expect(reasonOf(outcome)).toContain("the file system is read-only");
    await expectOldServes(stopped);
  }
  await expectNextRunMoves(stopped.target);
});

test("`/tmp` is full: an update needs nothing of it", async () => {
  const { target } = moveBack();
  await host.exec(["mount", "-o", "remount,size=1M", "/tmp"]);
  await using _ = await fill(host, "/tmp");
  await expectNextRunMoves(target);
});

test("the install root becomes read-only during the download: the agent goes on", async () => {
  const { active, target } = moveBack();
  const { pid } = await readiness(host);
  const download = stallDownload(target);
  const run = updateNow();
  await download.isUnpacking;
  disk.break();
  download.goOn();
  const outcome = await run;
  expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_IO" });
  // Whichever call meets it first.
  expect(reasonOf(outcome)).toMatch(/the file system is read-only|the disk failed to read or write/);
  expect((await readiness(host)).pid).toBe(pid);

  await host.exec(["systemctl", "stop", "teleport.service"]);
  await disk.repair();
  await host.exec(["systemctl", "start", "teleport.service"]);
  expect(configOf(host).status.active.version).toBe(active);
  await expectNextRunMoves(target);
});

test("the install root becomes read-only in the middle of the links: they lead into the old release again", async () => {
  const stopped = await stopAmong(LINKS);
  disk.break();
  const outcome = await stopped.run.goOn();
  expect({ exitCode: outcome.exitCode, code: outcome.code }).toEqual({ exitCode: 1, code: "E_ROLLBACK" });
  await expectOldServes(stopped);

  await host.exec(["systemctl", "stop", "teleport.service"]);
  await disk.repair();
  await host.exec(["systemctl", "start", "teleport.service"]);
  await expectNextRunMoves(stopped.target);
});

interface Stopped {
  run: StoppedRun;
  active: string;
  target: string;
}

/** An update that stands still in the middle of those of its changes that `kind` matches. */
async function stopAmong(kind: RegExp): Promise<Stopped> {
  const updating = [...UPDATE, "--self-setup"];
  moveBack();
  forgetPoints(host);
  expect((await host.exec(updating, { env: { TESTING_FAULT_LOG: POINTS_LOG } })).exitCode).toBe(0);
  const points = pathsPassed(host);
  const made = points.flatMap((point, index) => (kind.test(point) ? [index] : []));
  const index = made[Math.floor(made.length / 2)] ?? -1;
  const versions = moveBack();
  return { ...versions, run: await stopAt(host, updating, index, points[index] ?? "") };
}

/** Nothing was reloaded, and what is linked is what runs. */
async function expectOldServes({ active }: Stopped): Promise<void> {
  const { status, pid } = await readiness(host);
  const program = join(VERSIONS, active, "bin/teleport");
  expect({ status, program: await programOf(host, pid) }).toEqual({ status: "ok", program });
  for (const name of ["teleport", "tbot", "tsh"]) {
    expect(await host.ask("readlink", `/usr/local/bin/${name}`)).toBe(join(VERSIONS, active, "bin", name));
  }
}

/** What an update must leave alone when it fails. */
async function present(): Promise<{ pid: number; footprint: string[] }> {
  return { pid: (await readiness(host)).pid, footprint: host.footprint() };
}

/** The attempt may be on record, without blame; nothing else changes. */
function expectUnchanged(before: Awaited<ReturnType<typeof present>>, after: typeof before): void {
  const isOther = (line: string) => !line.startsWith(`${CONFIG} `);
  expect({ ...after, footprint: after.footprint.filter(isOther) }).toEqual({
    ...before,
    footprint: before.footprint.filter(isOther),
  });
  expect(configOf(host).status).not.toHaveProperty("skip");
}

/** The cluster wants the other release from now on, which is to be fetched anew. */
function moveBack(): { active: string; target: string } {
  const active = configOf(host).status.active.version;
  const target = active === OLD ? NEW : OLD;
  for (const name of versionsOf(host)) {
    if (name !== active) rmSync(join(host.directory, VERSIONS, name), { recursive: true });
  }
  cluster.find = advertise(target);
  return { active, target };
}

async function expectNextRunMoves(target: string): Promise<void> {
  const { exitCode, stderr } = await updateNow();
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  await expectWhole(host, cluster, { revision: target });
}

/** The CDN sends half of the archive, and the rest when told to. */
function stallDownload(version: string): { isUnpacking: Promise<unknown>; goOn(): void } {
  const release = cluster.made[version];
  if (release === undefined) throw new Error(`no release \`${version}\` was made`);
  const archive = readFileSync(release.archive);
  const gate = Promise.withResolvers<void>();
  gates.push(gate.resolve);
  cluster.respond(release.urlPath, () => {
    const body = (async function* () {
      yield archive.subarray(0, archive.length / 2);
      await gate.promise;
      yield archive.subarray(archive.length / 2);
    })();
    return new Response(body, { headers: { "content-length": String(release.bytes) } });
  });
  const namespace = join(host.directory, NAMESPACE);
  return {
    isUnpacking: eventually("the release is being unpacked", async () =>
      readdirSync(namespace)
        .filter((name) => name.startsWith(".staging-"))
        .some((name) => existsSync(join(namespace, name, "release/bin"))),
    ),
    goOn: gate.resolve,
  };
}

async function updateNow(...flags: string[]): Promise<Outcome> {
  return outcomeOf(await host.exec([...UPDATE, ...flags]));
}

function hintOf({ log }: Outcome): string {
  return String(log.findLast(({ code }) => code !== undefined)?.["hint"]);
}

function reasonOf({ log }: Outcome): string {
  return String(log.findLast(({ code }) => code !== undefined)?.["error"]);
}

function footprintOf(directory: string): string[] {
  return FOLDERS.filter((folder) => existsSync(join(directory, folder))).flatMap((folder) =>
    snapshot(join(directory, folder), (path) => !OTHERS.test(path)).map((line) => `${folder}${line}`),
  );
}
