import { beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GLIBC_FLOOR, neededGlibc } from "../../../scripts/release/executables.ts";
import { KERNEL_FLOOR, measureKernels, measureProcessors } from "../../../scripts/release/floors.ts";
import { isNewerGlibc } from "../../../src/release/glibc.ts";
import { ARCHITECTURES, HOST_ARCHITECTURE } from "../../support/elf-patch.ts";
import { executablePath } from "../../support/executable.ts";
import { must } from "../../support/must.ts";
import { isInstalled } from "./tools.ts";

describe.each(ARCHITECTURES)("the executable for %s", (architecture) => {
  let executable: string;
  beforeAll(async () => {
    executable = await executablePath(architecture);
  }, 60_000);

  test("asks for no glibc above the floor", () => {
    const needed = neededGlibc({ architecture, isFips: false });
    expect(needed).toMatch(/^2\.\d+$/);
    expect(isNewerGlibc(needed, GLIBC_FLOOR)).toBeFalse();
  });

  test.skipIf(!isInstalled("readelf"))(
    "has no symbol of a newer one, and no library besides glibc's, as binutils see it",
    async () => {
      const versions = [...(await must(["readelf", "--version-info", executable])).matchAll(/Name: GLIBC_([\d.]+)/g)];
      expect(versions.length).toBeGreaterThan(0);
      expect(versions.filter(([, version = ""]) => isNewerGlibc(version, GLIBC_FLOOR))).toEqual([]);
      const libraries = [...(await must(["readelf", "--dynamic", executable])).matchAll(/NEEDED.*\[(.*)\]/g)];
      const loader = architecture === "amd64" ? "ld-linux-x86-64.so.2" : "ld-linux-aarch64.so.1";
      const ofGlibc = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", loader];
      expect(libraries.map(([, name = ""]) => name).filter((name) => !ofGlibc.includes(name))).toEqual([]);
    },
  );
});

test("the install script refuses what is below the floors, and nothing else", async () => {
  const script = await Bun.file("scripts/install/install.sh").text();
  expect(script).toContain(
    `\nGLIBC_FLOOR=${GLIBC_FLOOR}\nKERNEL_FLOOR=${KERNEL_FLOOR}\nCPU_FEATURES='sse4_2 popcnt'\n`,
  );
});

/** Each start under qemu takes seconds. */
const QEMU_TIMEOUT_MS = 60_000;

test.each([
  ["amd64", "Nehalem", true],
  ["amd64", "Nehalem,-popcnt", false],
  ["arm64", "cortex-a53", true],
] as const)(
  "on %s, a %s starts it: %p",
  async (architecture, model, works) => {
    const executable = await executablePath(architecture);
    expect(await measureProcessors(executable, architecture, [model])).toEqual([{ name: model, works }]);
  },
  QEMU_TIMEOUT_MS,
);

test.skipIf(!isInstalled("strace"))(
  "starts with the system calls of the oldest kernel",
  async () => {
    const executable = await executablePath(HOST_ARCHITECTURE);
    const trials = await measureKernels(() => [executable, "version"]);
    expect(trials.map(({ works }) => works)).toEqual(trials.map(() => true));
    expect(trials[0]?.name).toBe(KERNEL_FLOOR);
  },
  QEMU_TIMEOUT_MS,
);

test.skipIf(!isInstalled("strace") || !isInstalled("gcc"))(
  "a program that needs a later call is found out",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "calls-"));
    const program = join(folder, "program");
    // Of Linux 4.5.
    const source =
      "#define _GNU_SOURCE\n#include <unistd.h>\nint main(void) { return copy_file_range(-1, 0, -1, 0, 0, 0) < 0 && errno == ENOSYS; }";
    await Bun.write(`${program}.c`, `#include <errno.h>\n${source}\n`);
    await must(["gcc", "-o", program, `${program}.c`]);
    const trials = await measureKernels(() => [program]);
    rmSync(folder, { recursive: true });
    expect(trials.filter(({ works }) => !works).map(({ name }) => name)).toEqual(["3.10", "3.17", "4.4"]);
  },
);
