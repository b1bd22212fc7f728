import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goArchitecture } from "../../src/release/address.ts";
import { hostGlibc } from "../../src/release/glibc.ts";
import { listPrograms } from "../../src/release/programs.ts";
import { type HostTraits, proveProgram } from "../../src/release/prove-program.ts";
import { placeProgram } from "../support/place-program.ts";
import { temporaryFolder, testWorld } from "./archive.ts";
import { elfFile } from "./elf-file.ts";

const HOST: HostTraits = { architecture: goArchitecture(process.arch), glibc: hostGlibc() };
/** Makes a script that the kernel runs, and that the contract takes for a binary. */
const BINARY_BYTE = "\u000b";

let folder: ReturnType<typeof temporaryFolder>;
let world: ReturnType<typeof testWorld>;

beforeEach(() => {
  folder = temporaryFolder();
  world = testWorld();
});
afterEach(() => folder[Symbol.dispose]());

function place(name: string, content: string | Uint8Array, mode = 0o755): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const list = () => listPrograms(world.files, folder.path, world.log);
const warnings = () => world.lines.filter((line) => line.startsWith("warn"));
const refused = expect.objectContaining({ code: "E_PROGRAM" });

describe("which files are programs", () => {
  test("regular, executable for all, no shell script", () => {
    place("teleport", elfFile());
    place("tsh", "anything else");
    mkdirSync(join(folder.path, "directory"));
    expect(list()).toEqual(["teleport", "tsh"]);
    expect(warnings()).toEqual([]);
  });

  test.each<[string, string, number, string]>([
    ["[inst 8.8 not executable]", "content", 0o666, "non-executable"],
    ["executable for its owner only", "content", 0o744, "non-executable"],
    ["[inst 8.8 text script]", "  #!bash  ", 0o777, "shell script"],
    ["a script after a new line", "\n#!/bin/sh\nexit 0\n", 0o755, "shell script"],
  ])("%s is left out with a warning", (_, content, mode, warning) => {
    place("teleport", elfFile());
    place("odd", content, mode);
    expect(list()).toEqual(["teleport"]);
    expect(warnings()).toEqual([expect.stringContaining(warning)]);
  });

  test("a link is left out with a warning", () => {
    place("teleport", elfFile());
    symlinkSync("teleport", join(folder.path, "odd"));
    expect(list()).toEqual(["teleport"]);
    expect(warnings()).toHaveLength(1);
  });

  test("a script with a byte that no text has counts as a program", () => {
    place("teleport", `#!/bin/sh\nexit 0\n${BINARY_BYTE}`);
    expect(list()).toEqual(["teleport"]);
  });

  test("none at all is an error, also without the directory", () => {
    place("README", "text", 0o644);
    const none = expect.objectContaining({ code: "E_NO_PROGRAMS" });
    expect(list).toThrow(none);
    expect(() => listPrograms(world.files, join(folder.path, "absent"), world.log)).toThrow(none);
  });
});

describe("proof", () => {
  const prove = (path: string, host = HOST) => proveProgram(world, path, host);

  test("[inst 8.8 missing]", async () => {
    await expect(prove(join(folder.path, "absent"))).rejects.toMatchObject({ code: "E_IO" });
  });

  test("[inst 8.8 binary that cannot run] names the program", async () => {
    const path = place("odd", `  #!bash  ${BINARY_BYTE}`);
    await expect(prove(path)).rejects.toThrow(path);
    await expect(prove(path)).rejects.toEqual(refused);
  });

  test("[inst 8.8 binary that runs] is asked for its version, with a clean environment", async () => {
    const path = place("good", `#!/bin/sh\necho "got $1 \${HOME-none}"; echo quiet >&2\nexit 0\n${BINARY_BYTE}`);
    await prove(path);
    const attributes = JSON.stringify({ program: "good" });
    expect(world.lines.sort()).toEqual([`debug quiet ${attributes}`, `info got version none ${attributes}`]);
  });

  test("[inst 8.8 binary that exits 1] is fine, and logged", async () => {
    await prove(place("good", `#!/bin/sh\nexit 1\n${BINARY_BYTE}`));
    expect(world.lines).toEqual([expect.stringContaining("does not support the version command")]);
  });

  test("[threat program-fit] one that dies by a signal is refused", async () => {
    await expect(prove(place("bad", `#!/bin/sh\nkill -9 $$\n${BINARY_BYTE}`))).rejects.toEqual(refused);
  });

  test("[threat program-fit] one that does not end is ended", async () => {
    const path = place("slow", `#!/bin/sh\nexec sleep 60\n${BINARY_BYTE}`);
    await expect(proveProgram(world, path, HOST, 100)).rejects.toThrow("did not end within 0.1 s");
  });

  test("[threat program-fit] one that prints without end is ended, and does not fill the journal", async () => {
    const path = place("loud", `#!/bin/sh\nexec timeout 20 yes\n${BINARY_BYTE}`);
    await expect(proveProgram(world, path, HOST, 300)).rejects.toThrow("did not end within 0.3 s");
    expect(world.lines.length).toBeLessThan(30);
  });

  test("[threat program-fit] one that leaves a daemon behind is not waited for", async () => {
    const pidFile = join(folder.path, "pid");
    const path = place("daemon", `#!/bin/sh\nsetsid sleep 20 & echo $! >${pidFile}\n${BINARY_BYTE}`);
    const start = performance.now();
    try {
      await prove(path);
      expect(performance.now() - start).toBeLessThan(4000);
    } finally {
      process.kill(Number(readFileSync(pidFile, "utf8")));
    }
  });

  test("[threat program-fit] one that is started is shown nothing of ours", async () => {
    process.env["SECRET_OF_OURS"] = "leaked";
    try {
      await prove(place("curious", `#!/bin/sh\nenv\n${BINARY_BYTE}`));
    } finally {
      delete process.env["SECRET_OF_OURS"];
    }
    expect(world.lines.length).toBeGreaterThan(1);
    expect(world.lines.join()).not.toContain("leaked");
  });

  test("an interrupt ends it too", async () => {
    const path = place("slow", `#!/bin/sh\necho ready\nexec sleep 60\n${BINARY_BYTE}`);
    const log = { ...world.log, info: () => world.interrupt.abort() };
    await expect(proveProgram({ ...world, log }, path, HOST)).rejects.toMatchObject({ code: "E_CANCELED" });
  });

  test("a real program passes", async () => {
    await prove(process.execPath);
  });
});

describe("headers that do not fit the host are refused before anything runs", () => {
  const amd64: HostTraits = { architecture: "amd64", glibc: "2.36" };
  const under = () => testWorld(folder.path);

  test("[threat program-fit] another processor", async () => {
    place("arm", elfFile({ machine: 183 }));
    await expect(proveProgram(under(), "/arm", amd64)).rejects.toThrow("64-bit arm64, and this host is amd64");
  });

  test("[threat program-fit] a newer glibc", async () => {
    place("new", elfFile({ needs: { "libc.so.6": ["GLIBC_2.38"] } }));
    await expect(proveProgram(under(), "/new", amd64)).rejects.toThrow("needs glibc 2.38, host has 2.36");
    await proveProgram(under(), "/new", { ...amd64, glibc: "2.38" });
  });

  test("an unknown glibc is not compared", async () => {
    place("new", elfFile({ needs: { "libc.so.6": ["GLIBC_2.38"] } }));
    const inRoot = under();
    await proveProgram(inRoot, "/new", { ...amd64, glibc: undefined });
    expect(inRoot.lines).toContainEqual(expect.stringContaining("The glibc of the host is unknown"));
  });

  test("[threat program-fit] a loader that the host lacks", async () => {
    placeProgram(under(), "/bin/sh", elfFile());
    place("musl", elfFile({ interpreter: "/ld-other.so" }));
    await expect(proveProgram(under(), "/musl", amd64)).rejects.toThrow("`/ld-other.so`");
    place("ld-other.so", "");
    await proveProgram(under(), "/musl", amd64);
  });

  test("[threat program-fit] a program that was cut", async () => {
    place("cut", elfFile({ needs: { "libc.so.6": ["GLIBC_2.34"] } }).subarray(0, -10));
    await expect(proveProgram(under(), "/cut", amd64)).rejects.toThrow("cut short");
  });

  test("[threat program-fit] nothing of another root is run", async () => {
    place("marks", `#!/bin/sh\ntouch ${folder.path}/mark\n${BINARY_BYTE}`);
    await proveProgram(under(), "/marks", amd64);
    expect(world.files.stat(join(folder.path, "mark"))).toBeUndefined();
  });
});
