import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { executablePath } from "./support/executable.ts";

const VERSION_LINE = new RegExp(
  `^Teleport v${RegExp.escape(packageJson.version)} git:\\S+ bun${RegExp.escape(Bun.version)}\n$`,
);

describe("the executable", () => {
  let executable = "";
  let folder = "";
  const marker = () => join(folder, "preloaded");

  beforeAll(async () => {
    executable = await executablePath();
    folder = mkdtempSync(join(tmpdir(), "hostile-folder-"));
    await Bun.write(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    await Bun.write(join(folder, ".bunfig.toml"), 'preload = ["./preload.ts"]\n');
    await Bun.write(join(folder, "tsconfig.json"), '{ "compilerOptions": { "paths": { "citty": ["./preload.ts"] } } }');
    await Bun.write(join(folder, "preload.ts"), 'await Bun.write("preloaded", "")');
    // A suffix that no namespace may have, so that it shows in the answer when it is read.
    await Bun.write(join(folder, ".env"), "TELEPORT_INSTALL_SUFFIX=system\n");
    await Bun.write(join(folder, "show.ts"), "console.log(process.env.TELEPORT_INSTALL_SUFFIX)");
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("prints its version with an empty environment and no stdin", () => {
    const { exitCode, stdout, stderr } = run(["/bin/sh", "-c", 'exec "$0" version <&-', executable]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(VERSION_LINE);
  });

  test("runs no code that a file in the current directory, or in a home of it, names", () => {
    const homes = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder };
    for (const command of [["version"], ["status", "--root", folder]]) run([executable, ...command], homes);
    expect(run([executable, "version"], homes).stdout).toMatch(VERSION_LINE);
    expect(existsSync(marker())).toBeFalse();
  });

  test("takes no setting from a .env in the current directory", () => {
    const asked = [executable, "status", "--log-format", "json"];
    expect(run(asked, { TELEPORT_INSTALL_SUFFIX: "system" }).stderr).toContain("E_NAMESPACE");
    expect(run(asked).stderr).not.toContain("E_NAMESPACE");
  });

  test("is tried in a folder that is hostile indeed", () => {
    expect(run([process.execPath, "show.ts"]).stdout).toBe("system\n");
    expect(existsSync(marker())).toBeTrue();
  });

  function run(argv: string[], env: Record<string, string> = {}) {
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { cwd: folder, env, stdin: "ignore" });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }
});
