import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { HOST_ARCHITECTURE } from "../support/elf-patch.ts";
import { executablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { type HostileServer, head, type Script, startHostileServer } from "./hostile-server.ts";

// For busy machines: the executable may have to be built first.
setDefaultTimeout(60_000);

const FIND = "/webapi/find";
const ARCHIVE = `/teleport-v18.1.0-linux-${HOST_ARCHITECTURE}-bin.tar.gz`;
/** The updater takes 90 MB for a whole release; what a server sends must not add to that. */
const MEMORY_LIMIT_KB = 200_000;
/** Printable text and line ends. */
const PLAIN = /^[\n\P{C}]*$/u;

let site: Site;
let authority: Authority;
let server: HostileServer;
let program: string;
let folder: string;

beforeAll(async () => {
  program = await executablePath();
  folder = mkdtempSync(join(tmpdir(), "servers-"));
  site = await startSite();
  await site.release({ version: "18.1.0" });
  authority = await makeAuthority();
  await Bun.write(join(folder, "ca.pem"), authority.ca);
  server = await startHostileServer(site.server, await authority.issue());
  site.server.find = advertise("18.1.0");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe("[threat stalls] [threat answer-limits] an answer without end takes little memory", () => {
  const large = Buffer.alloc(1 << 20, "x");
  const endless =
    (first: string, next: string | Uint8Array): Script =>
    async (line) => {
      await line.write(first);
      while (await line.write(next));
    };
  test.each<[title: string, path: string, script: Script, code: string]>([
    ["a cluster's answer", FIND, endless(head(200), large), "E_NETWORK"],
    ["a head", FIND, endless("HTTP/1.1 200 OK\r\nX-Long: ", large), "E_NETWORK"],
    ["a checksum", `${ARCHIVE}.sha256`, endless(head(200), large), "E_CHECKSUM"],
    ["an error page", `${ARCHIVE}.sha256`, endless(head(500), large), "E_CHECKSUM"],
    ["an archive, announced", ARCHIVE, endless(head(200, { "Content-Length": 2 ** 40 }), large), "E_DOWNLOAD"],
    ["an archive of no more than a name", ARCHIVE, endless(`${head(200)}\u001f\u008b\b\b`, large), "E_ARCHIVE"],
  ])("%s", async (_, path, script, code) => {
    using root = hostRoot();
    const { exitCode, talk, memoryKb } = await lied(path, script, () => run(root.path, "enable", "json"));
    expect([exitCode, failureOf(talk)]).toEqual([1, code]);
    expect(memoryKb).toBeGreaterThan(0);
    expect(memoryKb).toBeLessThan(MEMORY_LIMIT_KB);
  });
});

describe("[threat plain-output] no byte that acts is printed or written", () => {
  const evil = "\u001b]0;x\u0007\u001b[2J\u009b31m\u202e\u2028\r\n";
  const answers: [title: string, status: number, body: object][] = [
    ["a version", 200, advertise(`18.1.0${evil}`)],
    ["an edition", 200, { ...advertise("18.1.0"), edition: evil }],
    ["an error page", 501, { error: evil }],
  ];
  test.each(answers)("%s", async (_, status, body) => {
    const text = Buffer.from(JSON.stringify(body).replaceAll("\\u001b", "\u001b"));
    const script: Script = async (line) => {
      await line.write(head(status, { "Content-Length": text.length, "X-Evil": "plain" }));
      await line.write(text);
    };
    using root = hostRoot();
    for (const format of ["text", "json"] as const) {
      for (const command of ["enable", "status"] as const) {
        const { output, talk } = await lied(FIND, script, () => run(root.path, command, format));
        expect(output + talk).not.toBe("");
        expect(output).toMatch(PLAIN);
        expect(talk).toMatch(PLAIN);
      }
    }
    // Whatever was said, the next good answer gets through.
    expect((await run(root.path, "enable", "text")).exitCode).toBe(0);
    expect(readFileSync(join(root.path, "opt/teleport/default/update.yaml"), "utf8")).toMatch(PLAIN);
    expect((await run(root.path, "status", "text")).output).toMatch(PLAIN);
  });
});

async function lied<T>(path: string, script: Script, action: () => Promise<T>): Promise<T> {
  server.say(path, script);
  try {
    return await action();
  } finally {
    server.say(path, undefined);
  }
}

interface Ran {
  exitCode: number;
  output: string;
  talk: string;
  /** The most that the program ever held. */
  memoryKb: number;
}

async function run(root: string, command: "enable" | "status", format: "text" | "json"): Promise<Ran> {
  const flags = command === "enable" ? ["--proxy", server.address, "--base-url", server.baseUrl] : [];
  const caFile = command === "enable" ? ["--ca-file", join(root, "ca.pem")] : [];
  const child = Bun.spawn([program, "--root", root, "--log-format", format, command, ...flags, ...caFile], {
    env: {},
    stdout: "pipe",
    stderr: "pipe",
  });
  let memoryKb = 0;
  const look = setInterval(() => {
    memoryKb = Math.max(memoryKb, highestMemoryKb(child.pid));
  }, 5);
  const [output, talk, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearInterval(look);
  return { exitCode, output, talk, memoryKb };
}

/** The high-water mark, so that looking now and then is enough; 0 for a process that has ended. */
function highestMemoryKb(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function failureOf(talk: string): unknown {
  const last = talk.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(last).code;
}

/** An empty host that keeps the authority of the test, so that later runs trust it too. */
function hostRoot(): Disposable & { path: string } {
  const path = mkdtempSync(join(folder, "host-"));
  Bun.spawnSync(["cp", join(folder, "ca.pem"), path]);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
