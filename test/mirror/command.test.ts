import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { LOCAL_NAMES, makeAuthority, type ServerCertificate } from "../support/certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeUpdaterRelease } from "../support/updater-release.ts";
import { archiveBytes, nameOf, putArchive, temporaryFolder } from "./building.ts";

const PROGRAM = join(import.meta.dir, "../../src/bin/teleport-update.ts");
const NAME = nameOf("18.1.0");
const FILE = archiveBytes(1, 3_000_000);

let place: ReturnType<typeof temporaryFolder>;
let certificate: ServerCertificate;
let cdn: ProxyAndCdn;
let tree: string;
let caFile: string;
beforeAll(async () => {
  certificate = await (await makeAuthority()).issue([...LOCAL_NAMES, "cdn.teleport.dev"]);
  cdn = await startProxyAndCdn({ certificates: certificate });
});
afterAll(() => cdn[Symbol.asyncDispose]());
beforeEach(() => {
  place = temporaryFolder();
  tree = join(place.path, "tree");
  caFile = join(place.path, "ca.pem");
  cdn.releases = join(place.path, "cdn");
  mkdirSync(cdn.releases);
  writeFileSync(caFile, cdn.ca);
  putArchive(cdn.releases, NAME, FILE);
});
afterEach(() => place[Symbol.dispose]());

function start(words: string[], env: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, PROGRAM, "--log-format=json", "mirror", ...words], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

const run = (...words: string[]) => runWith({}, ...words);

async function runWith(env: Record<string, string>, ...words: string[]) {
  const child = start(words, env);
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, stdout, stderr };
}

/** Ends when `words` were said. */
async function saying(stderr: ReadableStream<Uint8Array>, words: string): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes(words)) return;
  }
  throw new Error(`${words} was not said:\n${said}`);
}

const building = (...words: string[]) => buildingFrom(cdn.baseUrl, ...words);
const buildingFrom = (url: string, ...words: string[]) => [
  ...["build", "--to", tree, "--from", url, "--ca-file", caFile, "--arch", "amd64"],
  ...words,
];

/** A server that sends half of the archive, and then nothing any more. */
async function startStalling() {
  const checksum = readFileSync(join(cdn.releases ?? "", `${NAME}.sha256`));
  const server = createServer({ cert: certificate.cert, key: certificate.key }, ({ url }, answer) => {
    const body = { [`/${NAME}`]: FILE, [`/${NAME}.sha256`]: checksum }[url ?? ""];
    answer.writeHead(body === undefined ? 404 : 200, { "Content-Length": body?.length ?? 0 });
    if (body === FILE) answer.write(FILE.subarray(0, FILE.length / 2));
    else answer.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  return {
    url: `https://127.0.0.1:${at.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("mirror build", () => {
  test("signs with a key of `mirror keygen`, and `mirror verify` finds it whole", async () => {
    const key = join(place.path, "site.key");
    expect(await run("keygen", "--to", key)).toMatchObject({ exitCode: 0, stderr: "" });
    const built = await run(...building("--version", "18.1.0", "--sign", key));
    expect(built).toMatchObject({ exitCode: 0, stdout: "1 files fetched (3 MB), 0 there already\n" });
    expect(await run("verify", "--at", tree, "--trusted-key", `${key}.pub`)).toEqual({
      exitCode: 0,
      stdout: `${tree}: as it was built, 3 files, 4 MB\n`,
      stderr: "",
    });
  });

  test("brings the updater with its install script, and nothing else when nothing else is asked for", async () => {
    const release = join(place.path, "release");
    mkdirSync(release);
    await makeUpdaterRelease(release, { version: "0.2.0", program: { script: "#!/bin/sh\n" } });
    const built = await run("build", "--to", tree, "--arch", "amd64", "--installer", release);
    expect(built).toMatchObject({ exitCode: 0, stdout: "2 files fetched (1 MB), 0 there already\n" });
    expect(existsSync(join(tree, "install.sh"))).toBe(true);
    expect(await run("verify", "--at", tree)).toMatchObject({ exitCode: 0 });
  });

  test("names what is missing, makes the rest, and ends with 1", async () => {
    const { exitCode, stdout, stderr } = await run(...building("--version", "18.1.0", "--version", "18.2.0"));
    expect(stdout).toBe("1 files fetched (3 MB), 0 there already, 1 missing\n");
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({
      code: "E_MIRROR",
      error: `1 of 2 files are not in \`${tree}\`: \`${nameOf("18.2.0")}\``,
    });
  });

  test("tells a signature that was refused from a file that is missing, and counts those that were replaced", async () => {
    const [first, second] = ["first.key", "second.key"].map((name) => join(place.path, name));
    for (const key of [first, second]) await run("keygen", "--to", key ?? "");
    await run(...building("--version", "18.1.0", "--sign", first ?? ""));
    const again = building("--version", "18.1.0", "--sign", second ?? "");
    const { stdout, stderr } = await run(...again);
    expect(stdout).toBe("0 files fetched (0 MB), 0 there already, 1 there, and refused\n");
    expect(stderr).toContain('"A file of the mirror stays as it was."');
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({
      error: `1 of 1 files are there, and were refused as they are: \`${NAME}\``,
      hint: expect.stringContaining("not by this key"),
    });
    expect(await run(...again, "--replace-signatures")).toMatchObject({
      exitCode: 0,
      stdout: "0 files fetched (0 MB), 1 there already, 1 signatures replaced\n",
    });
    expect((await run(...again, "--replace-signatures")).stdout).toBe("0 files fetched (0 MB), 1 there already\n");
  });

  test("leaves nothing behind where nothing came", async () => {
    expect(await run(...building("--version", "18.9.9"))).toMatchObject({ exitCode: 1 });
    expect(existsSync(tree)).toBe(false);
    mkdirSync(tree);
    writeFileSync(join(tree, "theirs"), "");
    expect(await run(...building("--version", "18.9.9"))).toMatchObject({ exitCode: 1 });
    expect(readdirSync(tree)).toEqual(["theirs"]);
  });

  test("follows a cluster", async () => {
    cdn.find = advertise("18.1.0");
    expect(await run(...building("--proxy", cdn.address, "--keep", "2"))).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(tree, NAME))).toBe(true);
  });

  test("takes a folder by its URL as well", async () => {
    expect(await run(...building("--version", "18.1.0"))).toMatchObject({ exitCode: 0 });
    const other = join(place.path, "other");
    const words = ["build", "--to", other, "--from", `file://${tree}`, "--version", "18", "--arch", "amd64"];
    expect(await run(...words)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(other, NAME))).toEqual(Buffer.from(FILE));
  });

  test("shows the official CDN nothing, however it is named", async () => {
    const token = join(place.path, "token");
    writeFileSync(token, "abc.def\n", { mode: 0o600 });
    await using tunnel = await startConnectProxy({ route: () => cdn.address });
    cdn.requests.length = 0;
    const words = buildingFrom("https://cdn.teleport.dev", "--from", cdn.baseUrl, "--version", "18.1.0");
    const proxied = { HTTPS_PROXY: `http://${tunnel.address}` };
    const built = await runWith(proxied, ...words, "--bearer-token-file", token);
    expect(built).toMatchObject({ exitCode: 0 });
    const shown = cdn.requests.map(({ headers: { host, authorization } }) => `${host} ${authorization}`);
    expect(new Set(shown)).toEqual(new Set(["cdn.teleport.dev undefined", `${cdn.address} Bearer abc.def`]));
  });

  test.each([
    ["a version that is none", ["--version", "latest"], "E_VERSION"],
    ["an edition that is none", ["--version", "18.1.0", "--edition", "gold"], "E_USAGE"],
    ["no job", ["--version", "18.1.0", "--jobs", "0"], "E_USAGE"],
    ["a place without TLS", ["--version", "18.1.0", "--from", "http://127.0.0.1"], "E_BASE_URL"],
    ["a folder of another machine", ["--version", "18.1.0", "--from", "file://elsewhere/srv"], "E_USAGE"],
    ["a folder that is not there", ["--version", "18.1.0", "--from", "/does/not/exist"], "E_DOWNLOAD"],
    ["credentials that nobody is shown", ["--version", "18.1.0", "--netrc", "/does/not/exist"], "E_CREDENTIALS"],
    ["a key that is not there", ["--version", "18.1.0", "--sign", "/does/not/exist"], "E_SIGNING_KEY"],
    ["no version", [], "E_USAGE"],
  ])("refuses %s, and makes nothing", async (_, words, code) => {
    const { exitCode, stderr } = await run(...buildingFrom(cdn.releases ?? "", ...words));
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({ code });
    expect(existsSync(tree)).toBe(false);
  });

  test.each([
    ["--from", "http://127.0.0.1", "https://mirror.example.com/teleport"],
    ["--from", "https://user:secret@mirror.example.com", "`--netrc FILE`"],
    ["--from", import.meta.path, `--from ${import.meta.dir}`],
    ["--trusted-key", "/does/not/exist", "mirror keygen"],
    ["--version", "18.1.0+Enterprise", "--edition ent"],
  ])("says of %s %s what a mirror takes", async (flag, value, words) => {
    const { stderr } = await run(...building("--version", "18.1.0", flag, value));
    expect(JSON.parse(stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({ hint: expect.stringContaining(words) });
  });

  test("says how another place is named where the default CDN is not reached, and what a mirror checks", async () => {
    const bare = ["build", "--to", tree, "--version", "18.1.0", "--arch", "amd64"];
    const cut = await runWith({ HTTPS_PROXY: "http://127.0.0.1:1" }, ...bare);
    expect(cut.exitCode).toBe(1);
    expect(cut.stderr).toContain("; or name another mirror, or a folder, with `--from`");
    const { stderr } = await run(...building("--version", "18.9.9"));
    expect(stderr).toContain("check the place that the mirror is built from and its path: `curl -I https://");
  });

  test("makes a folder that a web server may read, whatever the umask", async () => {
    const words = ["mirror", ...building("--version", "18.1.0")];
    const child = Bun.spawn(["/bin/sh", "-c", 'umask 077; exec "$@"', "sh", process.execPath, PROGRAM, ...words], {
      env: {},
      stderr: "ignore",
    });
    expect(await child.exited).toBe(0);
    const modes = [tree, join(tree, NAME), join(tree, "index.json")].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o755, 0o644, 0o644]);
  });

  test.each(["SIGKILL", "SIGTERM"] as const)("goes on after %s in the middle of an archive", async (signal) => {
    await using stalling = await startStalling();
    const child = start(buildingFrom(stalling.url, "--version", "18.1.0"));
    await saying(child.stderr, '"Downloading"');
    child.kill(signal);
    expect(await child.exited).not.toBe(0);
    expect(existsSync(join(tree, NAME))).toBe(false);
    const partial = join(tree, `.${NAME}.partial`);
    const begun = statSync(partial).size;
    expect(begun).toBeGreaterThan(0);

    cdn.requests.length = 0;
    expect(await run(...building("--version", "18.1.0"))).toMatchObject({ exitCode: 0 });
    const [asked] = cdn.requests.filter(({ path }) => path === `/${NAME}`);
    expect(asked?.headers["range"]).toBe(`bytes=${begun}-`);
    expect(readFileSync(join(tree, NAME))).toEqual(Buffer.from(FILE));
    expect(existsSync(partial)).toBe(false);
  });
});

describe("mirror verify", () => {
  test("names a flipped bit, and ends with 1", async () => {
    await run(...building("--version", "18.1.0"));
    writeFileSync(join(tree, NAME), FILE.with(5, (FILE[5] ?? 0) ^ 4));
    const { exitCode, stdout } = await run("verify", "--at", tree, "--json");
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ files: 2, damage: [{ file: NAME, kind: "changed" }], partial: [] });
    expect((await run("verify", "--at", tree)).stdout).toStartWith(`${tree}: DAMAGED, 1 problems`);
  });

  test("[threat plain-output] tells of a file whose name acts on a terminal in characters that do not", async () => {
    await run(...building("--version", "18.1.0"));
    const name = "evil\u009b31m\u202e.txt";
    writeFileSync(join(tree, name), "");
    for (const format of [[], ["--json"]]) {
      const { stdout } = await run("verify", "--at", tree, ...format);
      expect(stdout).toContain("evil\\u009b31m\\u202e.txt");
      expect(stdout).toMatch(/^[\n\P{C}]*$/u);
    }
    const { stdout } = await run("verify", "--at", tree, "--json");
    expect(stdout).toBe(`${JSON.stringify(JSON.parse(stdout)).replace(name, "evil\\u009b31m\\u202e.txt")}\n`);
  });

  test("fails where no mirror is", async () => {
    const { exitCode, stderr } = await run("verify", "--at", place.path);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ code: "E_MIRROR" });
  });
});
