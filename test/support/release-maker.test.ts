import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST_ARCHITECTURE } from "./elf-patch.ts";
import { makeRelease, type ReleaseOptions } from "./release-maker.ts";
import { STOCK_UNIT } from "./release-texts.ts";

const PROGRAMS = ["fdpass-teleport", "tbot", "tctl", "teleport", "teleport-update", "tsh"];
const TEXTS = ["CHANGELOG.md", "LICENSE-community", "README.md", "VERSION", "install", "install-selinux.sh"];
const EXAMPLES = ["before-remove", "post-install", "teleport.service"].map((name) => `examples/systemd/${name}`);

describe("makeRelease", () => {
  const editions: [ReleaseOptions["flags"], string, string][] = [
    [[], "teleport", `teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`],
    [["Enterprise"], "teleport-ent", `teleport-ent-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`],
    [["Enterprise", "FIPS"], "teleport-ent", `teleport-ent-v18.1.0-linux-${HOST_ARCHITECTURE}-fips-bin.tar.gz`],
    [["FIPS"], "teleport-ent", `teleport-ent-v18.1.0-linux-${HOST_ARCHITECTURE}-fips-bin.tar.gz`],
  ];
  test.each(editions)("with flags %j packs %s/ as %s", async (flags, topFolder, fileName) => {
    using folder = temporaryFolder();
    const made = await makeRelease({ directory: folder.path, version: "18.1.0", flags });

    expect(made).toMatchObject({ archive: join(folder.path, fileName), fileName, urlPath: `/${fileName}` });
    const files = run("tar", "-tzf", made.archive).filter((name) => !name.endsWith("/"));
    expect(files.sort()).toEqual([...PROGRAMS, ...TEXTS, ...EXAMPLES].map((name) => `${topFolder}/${name}`).sort());
  });

  test("has an archive that sha256sum and its own figures agree with", async () => {
    using folder = temporaryFolder();
    const made = await makeRelease({ directory: folder.path, version: "18.1.0" });

    expect(run("sha256sum", "--check", `${made.fileName}.sha256`, { cwd: folder.path })).toEqual([
      `${made.fileName}: OK`,
    ]);
    expect(readFileSync(`${made.archive}.sha256`, "utf8")).toBe(`${made.sha256}  ${made.fileName}\n`);
    expect(made.bytes).toBe(readFileSync(made.archive).length);
    const unpacked = unpack(made.archive, folder.path);
    const sizes = run("find", unpacked, "-type", "f", "-printf", "%s\\n").map(Number);
    expect(made.unpackedBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test("holds programs that tell the version, and the stock unit", async () => {
    using folder = temporaryFolder();
    const { archive } = await makeRelease({ directory: folder.path, version: "18.1.0-rc.1" });
    const unpacked = unpack(archive, folder.path);

    for (const program of PROGRAMS) {
      expect(run(join(unpacked, program), "version")).toEqual([
        expect.stringMatching(/^Teleport v18\.1\.0-rc\.1 git:/),
      ]);
    }
    expect(readFileSync(join(unpacked, "examples/systemd/teleport.service"), "utf8")).toBe(STOCK_UNIT);
  });

  test("makes the same bytes again", async () => {
    using folder = temporaryFolder();
    const options = { directory: folder.path, version: "18.1.0", unpackedBytes: 20e6 };
    const first = await makeRelease(options);
    expect((await makeRelease(options)).sha256).toBe(first.sha256);
    expect((await makeRelease({ ...options, version: "18.1.1" })).sha256).not.toBe(first.sha256);
  });

  test("pads to the size asked, about 3.8 times smaller when packed, and the programs still run", async () => {
    using folder = temporaryFolder();
    const made = await makeRelease({ directory: folder.path, version: "18.1.0", unpackedBytes: 80_000_001 });

    expect(made.unpackedBytes).toBe(80_000_001);
    expect(made.unpackedBytes / made.bytes).toBeWithin(3.5, 4.1);
    const unpacked = unpack(made.archive, folder.path);
    for (const program of PROGRAMS) {
      expect(run(join(unpacked, program), "version")).toEqual([expect.stringMatching(/^Teleport v18\.1\.0 git:/)]);
    }
  });

  test("leaves out the updater and the examples, or takes the updater as it is", async () => {
    using folder = temporaryFolder();
    const without = await makeRelease({ directory: folder.path, version: "18.1.0", updater: "none", examples: false });
    const files = run("tar", "-tzf", without.archive);
    expect(files).not.toContain("teleport/teleport-update");
    expect(files.filter((name) => name.includes("examples"))).toEqual([]);

    const own = await makeRelease({ directory: folder.path, version: "18.1.1", updater: "/bin/echo" });
    expect(readFileSync(join(unpack(own.archive, folder.path), "teleport-update"))).toEqual(readFileSync("/bin/echo"));
  });

  test("puts bad programs and the other updaters where they are asked for", async () => {
    using folder = temporaryFolder();
    const { archive } = await makeRelease({
      directory: folder.path,
      version: "18.1.0",
      bad: { agent: "exits-at-once", bot: "wrong-architecture" },
      updater: "old",
    });
    const unpacked = unpack(archive, folder.path);
    const exitCode = (command: string) => Bun.spawnSync(["sh", "-c", command], { cwd: unpacked }).exitCode;
    expect(exitCode("./teleport start --pid-file=pid")).toBe(1);
    expect(exitCode("./tbot version")).toBe(126);
    expect(exitCode("./teleport-update setup --help")).toBe(1);
    expect(exitCode("./tctl version")).toBe(0);
  });

  test("prints the path of the archive as a command", () => {
    using folder = temporaryFolder();
    const command = [process.execPath, join(import.meta.dir, "release-maker.ts")] as const;
    const words = ["--directory", folder.path, "--version", "18.1.0", "--flags", "Enterprise,FIPS"];
    expect(run(...command, ...words)).toEqual([
      join(folder.path, `teleport-ent-v18.1.0-linux-${HOST_ARCHITECTURE}-fips-bin.tar.gz`),
    ]);
    const refused = Bun.spawnSync([...command, ...words, "--bad-agent", "lazy"], { stderr: "pipe" });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr.toString()).toContain("`lazy` is none of exits-at-once");
  });
});

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "release-maker-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function unpack(archive: string, folder: string): string {
  const into = mkdtempSync(join(folder, "unpacked-"));
  run("tar", "-xzf", archive, "-C", into, "--strip-components=1");
  return into;
}

/** The lines that a program prints; it must end with 0. */
function run(...words: [string, ...(string | { cwd: string })[]]): string[] {
  const argv = words.filter((word) => typeof word === "string");
  const options = words.find((word) => typeof word === "object");
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { ...options, stdout: "pipe", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${exitCode}: ${stderr}`);
  return stdout.toString().trimEnd().split("\n");
}
