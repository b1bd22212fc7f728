import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { runProgram } from "../../../src/platform/fips/host-program.ts";
import { lendFiles } from "../../../src/platform/fips/lent-files.ts";

const lentOut = () =>
  readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).endsWith("/lent (deleted)");
    } catch {
      return false;
    }
  }).length;
const named = () =>
  ["/run", "/dev/shm", "/tmp"]
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => /^teleport-update-\w{6}$/.test(name));

test("a program reads them as files, as often as it likes, and they never have a name", () => {
  const before = named();
  {
    using lent = lendFiles(["first", new Uint8Array([0, 255])], 3);
    expect([lentOut(), named()]).toEqual([2, before]);
    const run = (...argv: [string, ...string[]]) => runProgram(argv, { descriptors: lent.descriptors }).stdout;
    expect(run("/bin/cat", ...lent.paths, ...lent.paths).toString("latin1")).toBe("first\0ÿfirst\0ÿ");
    expect(run("/usr/bin/stat", "-L", "-c", "%a", ...lent.paths).toString()).toBe("600\n600\n");
  }
  expect([lentOut(), named()]).toEqual([0, before]);
});
