import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { must } from "../support/must.ts";
import type { MadeRelease } from "../support/release-maker.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";

/** One version for each maker of signatures, and one that nobody signs. */
const BY_COSIGN = "18.1.0";
const BY_OPENSSL = "18.2.0";
const UNSIGNED = "18.3.0";
const COSIGN_KEY = "/etc/cosign.pub";
const OPENSSL_KEY = "/etc/openssl.pem";

describe("releases that are signed with the tools of their makers", () => {
  let cluster: Cluster;
  let host: UpdaterHost;

  beforeAll(async () => {
    const authority = await makeAuthority();
    cluster = await startCluster([{ version: BY_COSIGN }, { version: BY_OPENSSL }, { version: UNSIGNED }], {
      certificates: await authority.issue(),
    });
    host = await bootUpdaterHost(authority.ca, { suite: "trixie", packages: ["cosign"] });
    await signAsDocumented(host, "With cosign", release(BY_COSIGN), ["cosign.pub", COSIGN_KEY]);
    await signAsDocumented(host, "With openssl", release(BY_OPENSSL), ["release.pem", OPENSSL_KEY]);
  }, 300_000);
  afterAll(async () => {
    for (const part of [host, cluster]) await part?.[Symbol.asyncDispose]();
  });

  function release(version: string): MadeRelease {
    const found = cluster.made[version];
    if (found === undefined) throw new Error(`no release ${version}`);
    return found;
  }

  const enable = (version: string, ...keys: string[]) => [
    ...enableFrom(cluster),
    ...["--force-version", version],
    ...keys.flatMap((key) => ["--trusted-key", key]),
  ];
  /** Serves another signature of a release for as long as `work` takes. */
  async function withSignature<T>(version: string, body: string | Blob, work: () => Promise<T>): Promise<T> {
    const path = `${release(version).urlPath}.sig`;
    cluster.respond(path, () => new Response(body));
    return work().finally(() => cluster.respond(path, undefined));
  }

  describe.each([
    ["cosign", BY_COSIGN, COSIGN_KEY, OPENSSL_KEY],
    ["openssl", BY_OPENSSL, OPENSSL_KEY, COSIGN_KEY],
  ])("%s", (_, version, key, otherKey) => {
    test("another key is refused, and nothing is installed", async () => {
      const before = host.footprint();
      expect(await host.updater(enable(version, otherKey))).toMatchObject({ exitCode: 1, code: "E_SIGNATURE" });
      expect(
        host.footprint().filter((line) => !before.includes(line) && !/update\.lock|history|\/ 755/.test(line)),
      ).toEqual([]);
    });

    test("the key is believed, and `status`, `verify` and `history` say so", async () => {
      await host.succeed(enable(version, key));
      expect((await host.updater(["status"])).stdout).toContain("\nproof: signature\n");
      expect((await host.updater(["verify"])).stdout).toMatch(
        /\(active\): as it was installed, \d+ files, accepted by its signature\n/,
      );
      const last = (await host.updater(["history", "--json"])).stdout.trimEnd().split("\n").at(-1) ?? "";
      expect(JSON.parse(last)).toMatchObject({ command: "enable", outcome: "done", to: version, proof: "signature" });
    });
  });

  test("the key is kept: a version without a signature is refused later, and `update` stays", async () => {
    await host.succeed(enable(BY_OPENSSL, OPENSSL_KEY, COSIGN_KEY));
    cluster.find = { ...cluster.find, auto_update: { ...cluster.find.auto_update, agent_version: UNSIGNED } };
    expect(await host.updater(["update", "--now"])).toMatchObject({ exitCode: 1, code: "E_SIGNATURE" });
    expect((await host.updater(["status"])).stdout).toContain(`active:\n    version: ${BY_OPENSSL}\n`);
  });

  test.each<[string, string, (path: (name: string) => string) => Promise<string | Blob>]>([
    [
      "of another file",
      "is no signature by a trusted key",
      async () => Bun.file(`${release(BY_COSIGN).archive}.sig`).text(),
    ],
    ["of the digest of the digest", "is no signature by a trusted key", (at) => signed(at, "digest", at("digest"))],
    [
      "in the raw form of IEEE P1363",
      "IEEE P1363",
      async (at) => (await rawSignature(at, release(UNSIGNED).archive)).toString("base64"),
    ],
    ["that is empty", "is empty", async () => ""],
    [
      "that was cut",
      "is not base64",
      async (at) => (await signed(at, "archive", release(UNSIGNED).archive)).slice(0, 50),
    ],
    [
      "that was cut before it was encoded",
      "it was cut",
      async (at) =>
        Buffer.from(await signed(at, "archive", release(UNSIGNED).archive), "base64")
          .subarray(0, 48)
          .toString("base64"),
    ],
    [
      "in DER that is not encoded",
      "is not base64",
      async (at) => new Blob([Buffer.from(await signed(at, "archive", release(UNSIGNED).archive), "base64")]),
    ],
  ])("a signature %s is refused through all of `enable`", async (_, message, make) => {
    const at = (name: string) => join(host.directory, "root", name);
    await Bun.write(at("digest"), Buffer.from(release(UNSIGNED).sha256, "hex"));
    const body = await make(at);
    const run = await withSignature(UNSIGNED, body, () => host.updater(enable(UNSIGNED, OPENSSL_KEY, COSIGN_KEY)));
    expect(run).toMatchObject({ exitCode: 1, code: "E_SIGNATURE" });
    expect(run.stderr).toContain(message);
  });

  test("the right signature of that version is taken after all", async () => {
    const at = (name: string) => join(host.directory, "root", name);
    const body = await signed(at, "archive", release(UNSIGNED).archive);
    await withSignature(UNSIGNED, body, () => host.succeed(enable(UNSIGNED, OPENSSL_KEY, COSIGN_KEY)));
  });
});

/** Signs inside the host, word by word as docs/trust.md says, and trusts the `key` that comes of it. */
async function signAsDocumented(
  host: UpdaterHost,
  heading: string,
  release: MadeRelease,
  key: [from: string, to: string],
) {
  const { archive, fileName } = release;
  copyFileSync(archive, join(host.directory, "root", fileName));
  const commands = `set -e; archive=${fileName}\n${await commandsUnder(heading)}`;
  const { exitCode, stderr } = await host.exec(["sh", "-c", commands], { env: { COSIGN_PASSWORD: "" } });
  if (exitCode !== 0) throw new Error(`the commands under \`${heading}\` end with ${exitCode}:\n${stderr}`);
  copyFileSync(join(host.directory, "root", `${fileName}.sig`), `${archive}.sig`);
  const [from, to] = key;
  await host.writeFile(to, await host.readFile(`/root/${from}`));
}

/** The indented lines of a section. */
async function commandsUnder(heading: string): Promise<string> {
  const page = await Bun.file("docs/trust.md").text();
  const [, section = ""] = page.split(`\n### ${heading}\n`);
  const lines = section.split(/\n##/)[0]?.split("\n") ?? [];
  const commands = lines.filter((line) => line.startsWith("    ")).join("\n");
  if (!commands.includes("$archive")) throw new Error(`docs/trust.md has no commands under \`${heading}\``);
  return commands;
}

/** The base64 of what openssl makes of a file. */
async function signed(at: (name: string) => string, name: string, file: string): Promise<string> {
  await must(["openssl", "dgst", "-sha256", "-sign", at("release.key"), "-out", at(`${name}.der`), file]);
  return Buffer.from(await Bun.file(at(`${name}.der`)).arrayBuffer()).toString("base64");
}

/** In the raw form; one whose first byte is that of DER by chance is made again. */
async function rawSignature(at: (name: string) => string, file: string): Promise<Buffer> {
  const raw = rawForm(Buffer.from(await signed(at, "archive", file), "base64"));
  return raw[0] === 0x30 ? rawSignature(at, file) : raw;
}

/** The two numbers of a DER signature, 32 bytes each. */
function rawForm(der: Buffer): Buffer {
  const length = der[3] ?? 0;
  const [r, s] = [der.subarray(4, 4 + length), der.subarray(6 + length)];
  const padded = (number: Buffer) => Buffer.concat([Buffer.alloc(32), number]).subarray(-32);
  return Buffer.concat([padded(r), padded(s)]);
}
