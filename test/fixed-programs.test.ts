import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostProcesses } from "../src/platform/host-processes.ts";
import { testingExecutablePath } from "./support/executable.ts";

setDefaultTimeout(60_000);

const PROGRAMS = [
  "systemctl",
  "flock",
  "semodule",
  "semodule_package",
  "checkmodule",
  "restorecon",
  "sh",
  "env",
  "mount",
];

let folder: string;
let executable: string;
beforeAll(async () => {
  executable = await testingExecutablePath();
  folder = mkdtempSync(join(tmpdir(), "fixed-programs-"));
  for (const kind of ["fake", "system"]) mkdirSync(join(folder, kind));
  for (const program of PROGRAMS) write("fake", program);
  write("system", "systemctl");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that leaves its name, and the `PATH` that it got. */
function write(kind: "fake" | "system", program: string): void {
  const path = join(folder, kind, program);
  writeFileSync(path, `#!/bin/sh\necho "${program} $PATH" >>'${folder}/${kind}.log'\nexit 1\n`);
  chmodSync(path, 0o755);
}

const left = (kind: "fake" | "system") => {
  const log = join(folder, `${kind}.log`);
  return existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
};

/** What a caller may hand over: its folder of fakes in front of, or instead of, the system's. */
const environment = (path: string) => ({ PATH: path.replaceAll("FAKE", join(folder, "fake")) });
const PATHS = ["FAKE", "FAKE:/usr/bin:/bin"];

test.each(PATHS)(
  "[threat fixed-programs] under `--root` the lock is taken by the system's program: PATH=%s",
  async (path) => {
    const root = join(folder, `root-${PATHS.indexOf(path)}`);
    mkdirSync(root);
    const argv = [executable, "--root", root, "disable"];
    const { exitCode, stderr } = Bun.spawnSync(argv, { env: environment(path), cwd: join(folder, "fake") });
    expect({ exitCode, stderr: stderr.toString() }).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(root, "opt/teleport/default/update.lock"))).toBeTrue();
    expect(left("fake")).toEqual([]);
  },
);

/** A host of its own: nothing is installed, systemd seems to run, and `systemctl` lies in `/usr/sbin` alone. */
const OWN_HOST = [
  "mount -t tmpfs none /opt",
  "mount -t tmpfs none /run",
  "mkdir -p /run/systemd/system",
  `mount --bind "$1/system" /usr/sbin`,
  `cd "$1/fake"`,
  `PATH="$2" exec "$0" uninstall --force`,
].join(" && ");
const isRootHere =
  process.geteuid?.() === 0 && Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/opt"]).exitCode === 0;

test.if(isRootHere).each(PATHS)(
  "[threat fixed-programs] as root (and where mounts are allowed) systemctl is the system's: PATH=%s",
  (path) => {
    rmSync(join(folder, "system.log"), { force: true });
    const argv = ["unshare", "-m", "sh", "-c", OWN_HOST, executable, folder, environment(path).PATH];
    const { exitCode, stderr } = Bun.spawnSync(argv);
    expect({ exitCode, stderr: stderr.toString() }).toMatchObject({
      stderr: expect.stringContaining("Nothing is installed by this updater here"),
    });
    expect(left("fake")).toEqual([]);
    expect(left("system")).toContain("systemctl /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  },
);

test("[threat fixed-programs] a program is looked for in the system's folders alone", () => {
  const before = process.env["PATH"];
  try {
    process.env["PATH"] = join(folder, "fake");
    writeFileSync(join(folder, "fake/only-here"), "#!/bin/sh\n", { mode: 0o755 });
    expect(hostProcesses.find("flock")).toMatch(/^\/(usr\/)?s?bin\/flock$/);
    expect(hostProcesses.find("only-here")).toBeUndefined();
  } finally {
    process.env["PATH"] = before;
  }
});
