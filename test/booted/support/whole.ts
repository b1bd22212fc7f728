import { expect } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type Namespace, namespaceFor, type ServicePaths } from "../../../src/settings/namespace.ts";
import type { BootedHost } from "../../support/booted-host.ts";
import type { MadeRelease } from "../../support/release-maker.ts";
import { programOf, readiness } from "./agent.ts";
import type { Cluster } from "./cluster.ts";

const PROGRAMS = ["fdpass-teleport", "tbot", "tctl", "teleport", "tsh"];
/** Between runs nothing that an update stages, moves aside or notes down is left. */
const LEFTOVERS = [".staging-*", ".*.replaced-*", ".*.teleport-update", "update.journal"];
/** Where a run writes. */
const FOLDERS = ["/etc", "/opt/teleport", "/usr/lib/systemd/system", "/usr/local"];

interface Expected {
  /** The name of the version directory: `18.1.0_ent`. */
  revision: string;
  suffix?: string;
  /** The services that run; the agent when not told otherwise. */
  running?: readonly ("teleport" | "tbot")[];
}

/**
 * Fails unless the host is whole at one release: every link leads into it, its files are those of the archive,
 * `update.yaml` names it, systemd takes the units without a word, and what runs is the linked program.
 */
export async function expectWhole(
  host: BootedHost,
  cluster: Cluster,
  { revision, suffix = "", running = ["teleport"] }: Expected,
): Promise<void> {
  const release = cluster.made[revision];
  if (release === undefined) throw new Error(`no release \`${revision}\` was made`);
  const namespace = namespaceFor(suffix);
  const bin = join(namespace.versions, revision, "bin");

  expect(linksOf(host, namespace.defaultLinkDirectory)).toEqual({
    ...Object.fromEntries(PROGRAMS.map((name) => [name, join(bin, name)])),
    "teleport-update": expect.stringMatching(new RegExp(`^${namespace.updaterCopies}/[^/]+/teleport-update$`)),
  });
  await expectComplete(host, join(namespace.versions, revision), release);
  expect(configOf(host, suffix).status.active).toEqual(activeFor(revision));
  expect(await leftoversOf(host)).toEqual([]);
  await expectUnits(host, namespace, revision);
  for (const service of running) await expectRunning(host, namespace, service, join(bin, service));
}

/** What a run has staged, moved aside, noted down or begun to write, and did not take away again. */
export async function leftoversOf(host: BootedHost): Promise<string[]> {
  const names = LEFTOVERS.flatMap((name) => ["-o", "-name", name]).slice(1);
  const { stdout } = await host.exec(["find", ...FOLDERS, ...names]);
  return stdout.split("\n").filter((path) => path !== "");
}

/** `update.yaml` as anybody else would read it. */
export function configOf(host: BootedHost, suffix = ""): { spec: object; status: Status } {
  const text = readFileSync(join(host.directory, namespaceFor(suffix).config), "utf8");
  return Bun.YAML.parse(text) as { spec: object; status: Status };
}

interface Status {
  active: WrittenRevision;
  backup?: WrittenRevision;
  skip?: WrittenRevision;
  last_update?: { success: boolean; time: string; target: WrittenRevision };
}

interface WrittenRevision {
  version: string;
  flags?: string[];
}

/** The version directories of the default namespace. */
export function versionsOf(host: BootedHost): string[] {
  return readdirSync(join(host.directory, namespaceFor("").versions)).sort();
}

function activeFor(revision: string): WrittenRevision {
  const [version = "", ...flags] = revision.split("_");
  const names = { ent: "Enterprise", fips: "FIPS" } as Record<string, string>;
  return flags.length === 0 ? { version } : { version, flags: flags.map((flag) => names[flag] ?? flag) };
}

function linksOf(host: BootedHost, directory: string): Record<string, string> {
  const at = join(host.directory, directory);
  return Object.fromEntries(readdirSync(at).map((name) => [name, readlinkSync(join(at, name))]));
}

/** Byte for byte the programs of the archive, and its digest beside them. */
async function expectComplete(host: BootedHost, version: string, release: MadeRelease): Promise<void> {
  const at = join(host.directory, version);
  expect(readFileSync(join(at, "sha256"), "utf8")).toBe(release.sha256);
  const archive = await new Bun.Archive(readFileSync(release.archive)).files();
  for (const name of PROGRAMS) {
    const packed = [...archive].find(([path]) => path.split("/").slice(1).join("/") === name)?.[1];
    expect({ name, sha256: sha256(readFileSync(join(at, "bin", name))) }).toEqual({
      name,
      sha256: sha256(await packed?.bytes()),
    });
  }
}

function sha256(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

async function expectUnits(host: BootedHost, namespace: Namespace, revision: string): Promise<void> {
  const { teleport, tbot, updaterUnit, updaterTimer } = namespace;
  const files = [teleport.unitFile, tbot.unitFile, updaterUnit, updaterTimer];
  for (const file of files) expect(await host.readFile(file)).toStartWith(`# teleport-update ${revision}\n`);
  const verdict = await host.exec(["systemd-analyze", "verify", "--man=no", ...files]);
  expect(verdict).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const outdated = ["systemctl", "show", "--value", "--property=NeedDaemonReload"];
  for (const unit of [teleport.unit, tbot.unit]) expect((await host.exec([...outdated, unit])).stdout).toBe("no\n");
}

async function expectRunning(
  host: BootedHost,
  namespace: Namespace,
  service: "teleport" | "tbot",
  program: string,
): Promise<void> {
  const { unit }: ServicePaths = namespace[service];
  const data = namespace.defaultDataDirectory;
  const { status, pid } = await readiness(host, join(data, service === "tbot" ? "bot" : "", "debug.sock"));
  expect({ service, status, program: await programOf(host, pid) }).toEqual({ service, status: "ok", program });
  const show = ["systemctl", "show", "--property=ActiveState,SubState,MainPID", unit];
  expect((await host.exec(show)).stdout.trimEnd().split("\n").sort()).toEqual([
    "ActiveState=active",
    `MainPID=${pid}`,
    "SubState=running",
  ]);
}
