import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitName, commitTime, requireCleanTree } from "../../../scripts/release/commit.ts";
import { must } from "../../support/must.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "repository-"));
  await Bun.write(join(folder, "known.ts"), "one");
  const identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"];
  await git("init", "--quiet");
  await git("add", "known.ts");
  await must([
    "env",
    "GIT_COMMITTER_DATE=1234567890 +0900",
    "git",
    "-C",
    folder,
    ...identity,
    "commit",
    "-qm",
    "first",
  ]);
});
afterAll(() => rmSync(folder, { recursive: true }));

const git = (...args: string[]) => must(["git", "-C", folder, ...args]);

test("a commit names and dates what is made from it", async () => {
  expect(await commitName(folder)).toMatch(/^[0-9a-f]{12}$/);
  expect(await commitTime(folder)).toEqual(new Date(1234567890_000));
});

test("only a tree as it was committed is released; the files that differ are named", async () => {
  expect(await requireCleanTree(folder)).toBeUndefined();
  await Bun.write(join(folder, "known.ts"), "two");
  await Bun.write(join(folder, "new.ts"), "");
  await expect(requireCleanTree(folder)).rejects.toThrow(/differ from it:\n M known\.ts\n\?\? new\.ts$/);
});

test("what the user lets git overlook is named too", async () => {
  await git("checkout", "--quiet", "--", "known.ts");
  await Bun.write(join(folder, "src/new.ts"), "");
  const ignored = join(folder, ".git/ignored");
  await Bun.write(ignored, "*.ts\n");
  await git("config", "status.showUntrackedFiles", "no");
  await git("config", "core.excludesFile", ignored);
  await git("config", "core.fileMode", "false");
  await must(["chmod", "+x", join(folder, "known.ts")]);
  await expect(requireCleanTree(folder)).rejects.toThrow(/:\n M known\.ts\n\?\? new\.ts\n\?\? src\/new\.ts$/);
});

test("what this one clone lets git overlook is named too", async () => {
  await must(["chmod", "-x", join(folder, "known.ts")]);
  await must(["rm", "-r", join(folder, "src"), join(folder, "new.ts")]);
  await Bun.write(join(folder, ".git/info/exclude"), "*.ts\n");
  await Bun.write(join(folder, "new.ts"), "");
  await expect(requireCleanTree(folder)).rejects.toThrow(/:\n\?\? new\.ts$/);
  await must(["rm", join(folder, "new.ts")]);
  expect(await requireCleanTree(folder)).toBeUndefined();
  for (const mark of ["assume-unchanged", "skip-worktree"]) {
    await git("update-index", `--${mark}`, "known.ts");
    await Bun.write(join(folder, "known.ts"), "two");
    await expect(requireCleanTree(folder)).rejects.toThrow(/:\nknown\.ts, which git is told to overlook$/);
    await git("update-index", `--no-${mark}`, "known.ts");
    await git("checkout", "--quiet", "--", "known.ts");
  }
  expect(await requireCleanTree(folder)).toBeUndefined();
});

test("what the commit itself ignores does not count", async () => {
  await Bun.write(join(folder, ".gitignore"), "dist/\n");
  await git("add", ".gitignore");
  await git("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "commit", "-qm", "second");
  await Bun.write(join(folder, "dist/made"), "");
  expect(await requireCleanTree(folder)).toBeUndefined();
  // One that is not of the commit says nothing.
  await Bun.write(join(folder, "src/.gitignore"), "*\n");
  await expect(requireCleanTree(folder)).rejects.toThrow(/:\n\?\? src\/\.gitignore$/);
  await must(["rm", "-r", join(folder, "src")]);
});

test("a file that the work itself writes does not count", async () => {
  const page = "docs/page.md";
  await Bun.write(join(folder, page), "");
  await expect(requireCleanTree(folder)).rejects.toThrow("docs/page.md");
  expect(await requireCleanTree(folder, page)).toBeUndefined();
});
