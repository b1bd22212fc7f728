import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256Of } from "../release/archive.ts";
import { mirrorPlace, releaseFiles } from "./support/tree.ts";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");
const VERSION = "18.2.0";
const ARCHIVE = `teleport-v${VERSION}-linux-amd64-bin.tar.gz`;

/** Runs the updater from its sources, as whoever runs the test. */
async function updater(...args: string[]) {
  const child = Bun.spawn([process.execPath, PROGRAM, "--log-format=json", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exitCode, memory: child.resourceUsage()?.maxRSS ?? 0 };
}

describe("`mirror bundle` and `mirror import`", () => {
  test("sign with a key of `mirror keygen`, and print the digest on both sides as `sha256sum` does", async () => {
    using place = mirrorPlace();
    const [at, to, key] = [place.tree("tree", releaseFiles(VERSION)), place.at("b.tar"), place.at("site.key")];
    expect(await updater("mirror", "keygen", "--to", key)).toMatchObject({ exitCode: 0 });
    const made = await updater("mirror", "bundle", "--at", at, "--to", to, "--sign", key, "--version", VERSION);
    const digest = sha256Of(readFileSync(to));
    expect(made).toMatchObject({ exitCode: 0, stdout: `${digest}  ${to}\n` });

    const trust = ["--trusted-key", `${key}.pub`, "--digest", digest.toUpperCase()];
    const imported = await updater("mirror", "import", "--from", to, "--to", place.at("mirror"), ...trust);
    expect(imported).toMatchObject({ exitCode: 0, stdout: `${digest}  ${to}\n` });
    expect(await updater("mirror", "verify", "--at", place.at("mirror"))).toMatchObject({ exitCode: 0 });
  }, 60_000);

  test("leave nothing when the key to sign with cannot be read", async () => {
    using place = mirrorPlace();
    const [at, to] = [place.tree("tree", releaseFiles(VERSION)), place.at("b.tar")];
    const run = await updater("mirror", "bundle", "--at", at, "--to", to, "--sign", place.at("none"));
    expect(run).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining("E_SIGNING_KEY") });
    expect(existsSync(to)).toBe(false);
  }, 60_000);

  test("refuse a digest that is none", async () => {
    using place = mirrorPlace();
    const run = await updater("mirror", "import", "--from", "b", "--to", place.at("mirror"), "--digest", "abc");
    expect(run).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("64 hex digits") });
  }, 60_000);

  test("need no more memory for 256 MB than for little", async () => {
    using place = mirrorPlace();
    const content = "x".repeat(256 << 20);
    const runs = async (tree: string, name: string) => {
      const made = await updater("mirror", "bundle", "--at", tree, "--to", place.at(`${name}.tar`));
      const read = await updater(
        "mirror",
        "import",
        "--from",
        place.at(`${name}.tar`),
        "--to",
        place.at(`${name}.out`),
      );
      expect([made.exitCode, read.exitCode]).toEqual([0, 0]);
      return Math.max(made.memory, read.memory);
    };
    const little = await runs(place.tree("little", releaseFiles(VERSION)), "a");
    const much = await runs(place.tree("much", releaseFiles(VERSION, content)), "b");
    expect(statSync(join(place.at("b.out"), ARCHIVE)).size).toBe(content.length);
    expect(much - little).toBeLessThan(128 << 20);
  }, 120_000);
});
