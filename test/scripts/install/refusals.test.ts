import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type InstallOptions, NOTING_PROGRAM, runInstallScript, SHELLS } from "../../support/install-run.ts";
import { startTarballServer, type TarballServer } from "../../support/tarball-server.ts";

const UPSTREAM = "https://goteleport.com/download/";
const KINDS = ["linux-amd64", "linux-arm64"];
const CA = ["--ca-file", "/mnt/ca.pem"];

let server: TarballServer;
beforeAll(async () => {
  server = await startTarballServer({ version: "0.2.0", kinds: KINDS, program: { script: NOTING_PROGRAM } });
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

const run = (words: readonly string[], options: InstallOptions = {}) =>
  runInstallScript(server.release.script, words, { files: { "ca.pem": server.ca }, ...options });

/** What `uname` says of another machine. */
const uname = (answers: Partial<Record<"s" | "m" | "r", string>>) => {
  const { s = "Linux", m = "x86_64", r = "6.1.0" } = answers;
  return { "/usr/bin/uname": `#!/bin/sh\ncase $1 in -s) echo ${s} ;; -m) echo ${m} ;; -r) echo ${r} ;; esac\n` };
};
const getconf = (libc: string) => ({ "/usr/bin/getconf": `#!/bin/sh\necho "glibc ${libc}"\n` });
const fips = "mount -t tmpfs tmpfs /proc/sys; mkdir /proc/sys/crypto; echo 1 >/proc/sys/crypto/fips_enabled";
const x86 = process.arch === "x64";

/** By the case: the run, and what it has to say; `upstream` where another updater may do. */
type Refusal = [string, InstallOptions & { words?: string[] }, string, "upstream" | "ours"];
const refusals: Refusal[] = [
  ["not Linux", { cover: uname({ s: "FreeBSD" }) }, "it runs FreeBSD", "ours"],
  ["a 386", { cover: uname({ m: "i686" }) }, "its processor is a 386 (`i686`)", "upstream"],
  ["an arm", { cover: uname({ m: "armv7l" }) }, "its processor is an arm of 32 bits (`armv7l`)", "upstream"],
  ["another processor", { cover: uname({ m: "riscv64" }) }, "its processor is `riscv64`", "upstream"],
  ["an old glibc", { cover: getconf("2.12") }, "its glibc is 2.12, and the program needs 2.17", "upstream"],
  [
    "an old kernel",
    { cover: uname({ m: uname_m(), r: "2.6.32-754.el6" }) },
    "its kernel is 2.6.32-754.el6",
    "upstream",
  ],
  ["no systemd", { before: "rmdir /run/systemd/system" }, "systemd does not run here", "ours"],
  ["no curl and no wget", { cover: { "/usr/bin/curl": "", "/usr/bin/wget": "" } }, "`curl` is missing", "ours"],
  [
    "the wget of busybox",
    { cover: { "/usr/bin/curl": "" }, before: "mount --bind /usr/bin/busybox /usr/bin/wget" },
    "`curl` is missing",
    "ours",
  ],
  ["no gzip", { cover: { "/usr/bin/gzip": "" } }, "the program `gzip` is missing", "ours"],
  [
    "no digest program",
    { cover: { "/usr/bin/sha256sum": "", "/usr/bin/openssl": "" } },
    "`openssl` is missing",
    "ours",
  ],
  ["FIPS mode without curl", { cover: { "/usr/bin/curl": "" }, before: fips }, "`curl` is missing", "ours"],
  ["FIPS mode, and no program for it", { before: fips }, "-fips-bin.tar.gz`", "upstream"],
  ["a base URL of http", { words: ["--base-url", "http://m.test/t"] }, "`http://m.test/t` cannot be used", "ours"],
  ["a base URL with a password", { words: ["-b", "https://u:p@m.test"] }, "cannot be used", "ours"],
  ["a base URL with a query", { words: ["-b=https://m.test/?t=1"] }, "cannot be used", "ours"],
  ...["--base-url", "-ob", "--base-url=", "--base-url --proxy p", "--ca-file"].map(
    (words): Refusal => [`no value: ${words}`, { words: words.split(" ") }, "` needs a value", "ours"],
  ),
  ["no authorities", { words: ["--ca-file", "/mnt/none"] }, "`/mnt/none` cannot be read", "ours"],
  [
    "no netrc",
    { words: [...CA, "--netrc", "/mnt/none", "--base-url", "https://m.test"] },
    "`/mnt/none` cannot be used",
    "ours",
  ],
  [
    "no awk for a netrc",
    { words: ["--netrc", "/mnt/ca.pem"], cover: { "/usr/bin/awk": "" } },
    "`awk` is missing",
    "ours",
  ],
  ["a program that does not run", { env: { VERSION_CODE: "139" }, words: CA }, "does not run on this host", "upstream"],
];

function uname_m(): string {
  return x86 ? "x86_64" : "aarch64";
}

describe("refused, with nothing run and nothing left", () => {
  test.each(refusals)("%s", async (_, { words = [], ...options }, reason, who) => {
    const { exitCode, output, words: got, left } = await run(words, options);
    expect({ exitCode, got, left }).toEqual({ exitCode: 1, got: undefined, left: [] });
    expect(output).toContain(reason);
    expect(output).toMatch(/^install\.sh: .+\n {2}why: .+\n {2}what to do: .+\n$/m);
    expect(output.includes(UPSTREAM)).toBe(who === "upstream" || reason.includes("FreeBSD"));
  });

  test.if(x86)("a processor without SSE4.2", async () => {
    const cover = { "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu sse sse2 ssse3 sse4_1 popcnt\n" };
    const { exitCode, output } = await run([], { cover });
    expect({ exitCode, output }).toMatchObject({ exitCode: 1, output: expect.stringContaining("has no `sse4_2`") });
  });

  test("who is not root, with the words to say instead", async () => {
    const outcome = await run(["--proxy", "p"], { cover: { "/usr/bin/id": "#!/bin/sh\necho 1000\n" } });
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(outcome.output).toContain("curl ... | sudo sh -s -- --proxy p");
  });

  test("a script that was not filled in", async () => {
    const outcome = await runInstallScript(await Bun.file("scripts/install/install.sh").text(), []);
    expect(outcome).toMatchObject({ exitCode: 1, words: undefined });
    expect(outcome.output).toContain("not made for use");
  });

  test.each(Object.keys(SHELLS) as (keyof typeof SHELLS)[])("alike by %s", async (shell) => {
    const { exitCode, output } = await run([], { shell, cover: getconf("2.12") });
    expect(exitCode).toBe(1);
    expect(output).toContain("its glibc is 2.12");
  });
});

test("an image is made by anybody, and without systemd", async () => {
  const cover = { "/usr/bin/id": "#!/bin/sh\necho 1000\n" };
  const words = [...CA, "--root", "/mnt"];
  const outcome = await run(words, { cover, before: "rmdir /run/systemd/system; chown 1000 /tmp 2>/dev/null || true" });
  expect(outcome).toMatchObject({ exitCode: 0, words: ["enable", ...words], left: [] });
});

describe("a system without programs of 64 bits for glibc", () => {
  /** A root with nothing in it but busybox, which needs no library. */
  const inside = (library: string) => ({
    under: ["chroot", "/tmp/root", "/bin/busybox", "sh", "-c", 'exec "$@"', "sh", "/bin/busybox", "sh", "-s", "--"],
    before: `mkdir -p /tmp/root/bin /tmp/root/lib /tmp/root/proc
      cp /usr/bin/busybox /tmp/root/bin; chroot /tmp/root /bin/busybox --install -s /bin
      touch /tmp/root/lib/${library}; mount --rbind /proc /tmp/root/proc
      mkdir /tmp/root/dev; mount --rbind /dev /tmp/root/dev`,
  });

  test.each([
    ["ld-musl-x86_64.so.1", "its C library is musl"],
    ["ld-linux.so.2", "the kernel is of 64 bits"],
  ])("%s", async (library, reason) => {
    const { exitCode, output } = await run([], inside(library));
    expect({ exitCode, output }).toMatchObject({ exitCode: 1, output: expect.stringContaining(reason) });
    expect(output).toContain(UPSTREAM);
  });
});
