import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { executablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";

// For busy machines.
setDefaultTimeout(300_000);

const ARCHIVE = "teleport-v18.4.1-linux-amd64-bin.tar.gz";
const ARCHIVE_BYTES = 64 << 20;
const HOSTS = 200;
const PART_BYTES = 4 << 20;
/** So many of them take a machine with two cores longer than the 10 s in which a client has to be heard. */
const LARGE_PART_BYTES = 40 << 20;
/** One that serves all the same ends by then. */
const REFUSAL_MS = 20_000;
const isRoot = process.geteuid?.() === 0;

let program = "";
let root = "";
let tree = "";
beforeAll(async () => {
  program = await executablePath();
  root = mkdtempSync(join(tmpdir(), "mirror-serve-"));
  chmodSync(root, 0o755);
  tree = join(root, "tree");
  await Bun.write(
    join(tree, ARCHIVE),
    new Uint8Array(ARCHIVE_BYTES).map((_, index) => (index * 2654435761) >>> 24),
  );
  const { ca, cert, key } = await (await makeAuthority()).issue();
  for (const [name, text] of Object.entries({ ca, cert, key })) writeFileSync(join(root, name), text, { mode: 0o600 });
});
afterAll(() => rmSync(root, { recursive: true }));

/** The server in a process of its own, once it listens. */
async function start(...flags: string[]) {
  const argv = [program, "--log-format=json", "mirror", "serve", "--at", tree, "--listen", "127.0.0.1:0", ...flags];
  const child = Bun.spawn(argv, { env: {}, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const reader = child.stderr.getReader();
  let said = "";
  while (!said.includes('"Serving."')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server did not come up:\n${said}`);
    said += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  const lines = said
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    const [access, exitCode] = await Promise.all([child.stdout.text(), child.exited]);
    return { exitCode, access: access.split("\n").filter((line) => line !== "") };
  };
  return {
    ...{ child, stop },
    url: String(lines.at(-1).url),
    status: (name: string) =>
      new RegExp(`^${name}:\\s+(.*)$`, "m").exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1],
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const TLS = () => ["--tls-cert", join(root, "cert"), "--tls-key", join(root, "key")];

/** What the program says when it does not come up. */
async function refused(...words: string[]) {
  const argv = [program, "mirror", "serve", ...words];
  const child = Bun.spawn(argv, { env: {}, stdin: "ignore", stderr: "pipe", timeout: REFUSAL_MS });
  const [stderr, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  expect(exitCode).toBe(1);
  return stderr;
}

test("over TLS, below a prefix: curl and openssl believe it, and older protocols are refused", async () => {
  await using server = await start(...TLS(), "--prefix", "/teleport/");
  const url = `${server.url}${ARCHIVE}`;
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/teleport\/teleport-v/);
  const head = await must(["curl", "-sS", "--cacert", join(root, "ca"), "-I", url]);
  expect(head.toLowerCase()).toContain(`content-length: ${ARCHIVE_BYTES}\r\n`);
  const { host } = new URL(url);
  const openssl = ["openssl", "s_client", "-connect", host, "-CAfile", join(root, "ca"), "-verify_return_error"];
  expect(await must(openssl)).toContain("Verify return code: 0 (ok)");
  await expect(must([...openssl, "-tls1_1"])).rejects.toThrow(/alert|no protocols/);
  const { exitCode, access } = await server.stop("SIGINT");
  expect(exitCode).toBe(0);
  expect(access.map((line) => JSON.parse(line))).toMatchObject([
    { method: "HEAD", target: `/teleport/${ARCHIVE}`, status: 200, user_agent: expect.stringContaining("curl/") },
  ]);
});

describe("[threat serve-rights] who serves", () => {
  test.if(isRoot)("root becomes nobody for good, with the groups of nobody", async () => {
    const [user, group] = [await must(["id", "-u", "nobody"]), await must(["id", "-g", "nobody"])].map((id) =>
      id.trim(),
    );
    await using server = await start(...TLS());
    const ids = (id = "") => Array(4).fill(id).join("\t");
    expect([server.status("Uid"), server.status("Gid")]).toEqual([ids(user), ids(group)]);
    expect(server.status("Groups")?.trim()).toBe((await must(["id", "-G", "nobody"])).trim());
    expect([server.status("CapEff"), server.status("CapPrm")]).toEqual(Array(2).fill("0000000000000000"));
    expect((await fetch(server.url, { tls: { rejectUnauthorized: false } })).status).toBe(404);
  });

  test.if(isRoot)("root is no user to serve as, and neither is one that may not read the tree", async () => {
    const where = ["--at", tree, "--listen", "127.0.0.1:0"];
    expect(await refused(...where, "--user", "root")).toContain(
      "cannot serve as the user `root`: it has rights of root",
    );
    chmodSync(tree, 0o700);
    expect(await refused(...where)).toContain(`cannot serve \`${tree}\``);
    chmodSync(tree, 0o755);
  });

  test.if(isRoot)("root that cannot become another does not serve", async () => {
    const argv = ["setpriv", "--bounding-set=-setgid", program, "mirror", "serve", "--at", tree];
    const child = Bun.spawn([...argv, "--listen", "127.0.0.1:0"], { env: {}, stderr: "pipe", timeout: REFUSAL_MS });
    expect(await child.stderr.text()).toContain("the rights of root could not be given up");
    expect(await child.exited).toBe(1);
  });

  test.if(isRoot).each([
    ["an id that it can return to", "it can be root again", ["--ruid=0", "--euid=4711", "--bounding-set=-all"]],
    [
      "a capability",
      "it has the capabilities 2",
      ["--reuid=4711", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"],
    ],
  ])("who has rights of root by %s does not serve", async (_, reason, rights) => {
    const argv = ["setpriv", ...rights, "--regid=4711", "--clear-groups", program, "mirror", "serve", "--at", tree];
    const child = Bun.spawn([...argv, "--listen", "127.0.0.1:0"], { env: {}, stderr: "pipe", timeout: REFUSAL_MS });
    expect(await child.stderr.text()).toContain(`cannot serve with rights of root: ${reason}`);
    expect(await child.exited).toBe(1);
  });

  test.if(isRoot)("any other stays who it is", async () => {
    const argv = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", program, "mirror", "serve"];
    const child = Bun.spawn([...argv, "--at", tree, "--listen", "127.0.0.1:0", "--user", "nobody"], {
      stderr: "pipe",
      timeout: REFUSAL_MS,
    });
    expect(await child.stderr.text()).toContain("flag `--user` is for a server that is started as root");
    expect(await child.exited).toBe(1);
  });
});

test.each([
  [["--listen", "8443"], "flag `--listen` must be `HOST:PORT`"],
  [["--listen", "127.0.0.1:99999"], "flag `--listen` must be `HOST:PORT`"],
  [["--listen", "https://127.0.0.1:1/x"], "flag `--listen` must be `HOST:PORT`"],
  [["--listen", "127.0.0.1:0", "--tls-cert", "x"], "flags `--tls-cert` and `--tls-key` go together"],
  [["--listen", "127.0.0.1:0", "--prefix", "/a/../b"], "flag `--prefix` must be a path"],
  [["--listen", "127.0.0.1:0", "--at", "/does/not/exist"], "cannot serve `/does/not/exist`: there is no such folder"],
])("%j is refused", async (flags, reason) => {
  const at = flags.includes("--at") ? [] : ["--at", tree];
  expect(await refused(...at, ...flags)).toContain(reason);
});

test("a signal ends it when what runs has ended, and the log is in the Common Log Format", async () => {
  const argv = [program, "mirror", "serve", "--at", tree, "--listen", "127.0.0.1:0"];
  const child = Bun.spawn(argv, { env: {}, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const stderr = child.stderr.getReader();
  const said = new TextDecoder().decode((await stderr.read()).value);
  const response = await fetch(`${/url:(\S+)/.exec(said)?.[1]}${ARCHIVE}`);
  child.kill("SIGTERM");
  // It says so before it waits.
  await stderr.read();
  expect((await response.bytes()).length).toBe(ARCHIVE_BYTES);
  expect(await child.exited).toBe(0);
  const line = `127.0.0.1 - - [DATE] "GET /${ARCHIVE} HTTP/1.1" 200 ${ARCHIVE_BYTES}\n`;
  expect((await child.stdout.text()).replace(/\[[^\]]+\]/, "[DATE]")).toBe(line);
});

test(`[threat serve-limits] ${HOSTS} hosts that come at once over TLS, and read as fast as they can: none is cut`, async () => {
  await using server = await start(...TLS());
  const { ca, url } = { ca: join(root, "ca"), url: `${server.url}${ARCHIVE}` };
  const ask = async (at: number) => {
    const range = `${at}-${at + LARGE_PART_BYTES - 1}`;
    const report = "%{http_code} %{size_download}";
    return must(["curl", "-sS", "--cacert", ca, "-r", range, "-o", "/dev/null", "-w", report, url]);
  };
  const said = await Promise.all(Array.from({ length: HOSTS }, (_, at) => ask(at).catch(String)));
  expect([...new Set(said)]).toEqual([`206 ${LARGE_PART_BYTES}`]);
  expect((await server.stop()).access).toHaveLength(HOSTS);
});

test("[threat serve-limits] output that nobody reads holds neither the answers nor the end", async () => {
  await must(["mkfifo", join(root, "unread")]);
  const unread = openSync(join(root, "unread"), constants.O_RDWR);
  const argv = [program, "mirror", "serve", "--at", tree, "--listen", "127.0.0.1:0"];
  const child = Bun.spawn(argv, { env: {}, stdin: "ignore", stdout: unread, stderr: "pipe" });
  const stderr = child.stderr.getReader();
  const url = /url:(\S+)/.exec(new TextDecoder().decode((await stderr.read()).value))?.[1];
  // A pipe holds 64 KiB.
  for (let at = 0; at < 1000; at += 1) {
    expect((await fetch(`${url}${"x".repeat(200)}`, { method: "HEAD" })).status).toBe(404);
  }
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  let said = "";
  for (let part = await stderr.read(); !part.done; part = await stderr.read())
    said += new TextDecoder().decode(part.value);
  expect(said).toContain("The access log is not read: lines are missing.");
  closeSync(unread);
});

test.each([["http"], ["https"]])(
  `${HOSTS} parallel range requests over %s: nothing wrong, and memory stays flat`,
  async (scheme) => {
    await using server = await start(...(scheme === "https" ? TLS() : []));
    const original = await Bun.file(join(tree, ARCHIVE)).bytes();
    const kilobytes = (name: string) => Number.parseInt(server.status(name) ?? "", 10);
    const ask = async (at: number) => {
      const first = (at * 977_777) % (ARCHIVE_BYTES - PART_BYTES);
      const headers = { Range: `bytes=${first}-${first + PART_BYTES - 1}` };
      const tls = { ca: readFileSync(join(root, "ca"), "utf8") };
      const response = await fetch(`${server.url}${ARCHIVE}`, { headers, keepalive: false, tls });
      // All answers have begun before the first is read to its end.
      return { first, response };
    };
    await (await ask(0)).response.bytes();
    const before = kilobytes("VmRSS");
    const begun = await Promise.all(Array.from({ length: HOSTS }, (_, at) => ask(at)));
    for (const { first, response } of begun) {
      expect(response.status).toBe(206);
      expect(Buffer.compare(await response.bytes(), original.subarray(first, first + PART_BYTES))).toBe(0);
    }
    const grown = kilobytes("VmHWM") - before;
    console.log(
      `${HOSTS} answers of ${PART_BYTES >> 20} MiB over ${scheme}: ${before} kB before, ${grown} kB more at most`,
    );
    // A part each would be 800 MiB.
    expect(grown).toBeLessThan(128 << 10);
    expect((await server.stop()).access).toHaveLength(HOSTS + 1);
  },
);
