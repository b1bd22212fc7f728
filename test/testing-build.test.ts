import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath, fipsExecutablePath, testingExecutablePath } from "./support/executable.ts";
import { layOutPackage, PACKAGE_PROGRAMS } from "./support/teleport-package.ts";

/* Only a build for tests lets itself be struck: of that, nothing is left in one that is released. */

/** Words of `src/platform/fault-point.ts`, and of no other source. */
const OF_FAULT_POINTS = ["TESTING_FAULT", "TESTING_FAULT_LOG", "struck at ", "no space left at "];
const KILLED = 137;

let executables: Record<"released" | "FIPS" | "testing", string>;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "testing-build-"));
  executables = {
    released: await executablePath(),
    FIPS: await fipsExecutablePath(),
    testing: await testingExecutablePath(),
  };
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

test.each(["released", "FIPS"] as const)("the %s executable has no code of fault points in it", (name) => {
  expect(wordsIn(executables[name])).toEqual([]);
});

test("the testing executable has all of it", () => {
  expect(wordsIn(executables.testing)).toEqual(OF_FAULT_POINTS);
});

test("the released executable is not struck, whatever it is told", async () => {
  expect(await linkStruck("released")).toEqual({ exitCode: 0, hasLogged: false, links: [...PACKAGE_PROGRAMS] });
});

test("the testing executable is", async () => {
  expect(await linkStruck("testing")).toEqual({ exitCode: KILLED, hasLogged: true, links: [] });
});

function wordsIn(executable: string): string[] {
  const bytes = readFileSync(executable);
  return OF_FAULT_POINTS.filter((words) => bytes.includes(words));
}

/** Has it link a package, and be killed before the first change. */
async function linkStruck(name: "released" | "testing") {
  const [root, log] = [join(folder, name), join(folder, `${name}.points`)];
  await layOutPackage(root, { version: "18.0.0" });
  const { exited } = Bun.spawn([executables[name], "--root", root, "link-package"], {
    env: { TESTING_FAULT: "0:kill", TESTING_FAULT_LOG: log, TESTING_FAULTS: "true" },
    stdin: "ignore",
    stderr: "ignore",
  });
  const exitCode = await exited;
  const links = join(root, "usr/local/bin");
  return { exitCode, hasLogged: existsSync(log), links: existsSync(links) ? readdirSync(links).sort() : [] };
}
