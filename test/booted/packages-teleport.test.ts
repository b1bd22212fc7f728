import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Suite } from "../support/base-image.ts";
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { testingExecutablePath } from "../support/executable.ts";
import { makeDeb, PACKAGE_BIN, PACKAGE_PROGRAMS } from "../support/teleport-package.ts";
import { programOf, readiness } from "./support/agent.ts";

const LINKED = PACKAGE_PROGRAMS.map((name) => `${name} ${PACKAGE_BIN}/${name}`);
const UNIT = "/lib/systemd/system/teleport.service";

let debs: string;
const made: Record<string, string> = {};
beforeAll(async () => {
  debs = mkdtempSync(join(tmpdir(), "teleport-debs-"));
  const updater = await testingExecutablePath();
  for (const version of ["17.0.0", "17.1.0"]) made[version] = await makeDeb(debs, { updater, version });
}, 300_000);
afterAll(() => rmSync(debs, { recursive: true }));

describe.each<Suite>(["bullseye", "bookworm", "trixie"])("a package of Teleport with our hooks on %s", (suite) => {
  let host: BootedHost;
  beforeAll(async () => {
    host = await bootHost({ suite });
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  async function dpkg(...args: readonly string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await host.exec(["dpkg", "--force-unsafe-io", ...args]);
    if (exitCode !== 0) throw new Error(`dpkg ended with exit code ${exitCode}:\n${stdout}${stderr}`);
  }

  async function install(version: string): Promise<void> {
    const deb = made[version] ?? "";
    copyFileSync(deb, join(host.directory, "srv", basename(deb)));
    await dpkg("--install", `/srv/${basename(deb)}`);
  }

  async function links(): Promise<string[]> {
    const { stdout } = await host.exec(["find", "/usr/local/bin", "-type", "l", "-printf", "%f %l\n"]);
    return stdout.trimEnd().split("\n").sort();
  }

  const pid = async () => (await readiness(host)).pid;
  const version = async () => (await host.exec(["teleport", "version"])).stdout;

  test("install: its programs are linked, and its agent starts", async () => {
    await install("17.0.0");
    expect(await links()).toEqual(LINKED);
    expect((await host.exec(["systemctl", "enable", "--now", "teleport"])).exitCode).toBe(0);
    expect(await programOf(host, await pid())).toBe(`${PACKAGE_BIN}/teleport`);
  }, 60_000);

  test.each(["17.1.0", "17.0.0"])(
    "upgrade and downgrade to %s: linked again, under the running agent",
    async (to) => {
      const before = await pid();
      await install(to);
      expect(await links()).toEqual(LINKED);
      expect(await version()).toStartWith(`Teleport v${to} `);
      expect(await pid()).toBe(before);
    },
    60_000,
  );

  test("remove: the links go, and the unit that was copied stays", async () => {
    await dpkg("--remove", "teleport");
    expect(await links()).toEqual([""]);
    expect((await host.exec(["test", "-e", "/opt/teleport/system"])).exitCode).toBe(1);
    expect((await host.exec(["test", "-e", UNIT])).exitCode).toBe(0);
  }, 60_000);

  test("purge, after another installation: the same", async () => {
    await install("17.1.0");
    expect(await links()).toEqual(LINKED);
    await dpkg("--purge", "teleport");
    expect(await links()).toEqual([""]);
    expect((await host.exec(["dpkg", "--status", "teleport"])).exitCode).toBe(1);
  }, 60_000);
});
