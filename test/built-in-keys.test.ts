import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { HOST_ARCHITECTURE } from "./support/elf-patch.ts";
import { must } from "./support/must.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "./support/proxy-and-cdn.ts";
import { makeRelease } from "./support/release-maker.ts";
import { makeSigningKey, type SigningKey } from "./support/signing-key.ts";
import { temporaryHost } from "./support/temporary-host.ts";

// For busy machines: an executable is built, and whole releases are installed.
setDefaultTimeout(60_000);

const SOURCES = join(import.meta.dir, "../src/bin/teleport-update.ts");
/** Where `--testing-version` puts an executable, away from the ones that are shipped. */
const VERSION = "0.0.0-built-in-keys";
const EXECUTABLE = resolve(`dist/testing/${VERSION}/teleport-update-linux-${HOST_ARCHITECTURE}`);

const [own, other] = [makeSigningKey(), makeSigningKey()];
let folder: string;
let server: ProxyAndCdn;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "built-in-keys-"));
  const release = await makeRelease({ directory: folder, version: "18.1.0" });
  own.sign(release);
  server = await startProxyAndCdn({ releases: folder });
  server.find = advertise("18.1.0");
  writeFileSync(join(folder, "ca.pem"), server.ca);
  for (const [name, key] of Object.entries({ own, other })) writeFileSync(join(folder, `${name}.pem`), key.publicPem);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  rmSync(resolve(`dist/testing/${VERSION}`), { recursive: true, force: true });
});

/** What starts the updater with these keys built in. */
const makers: [title: string, make: (...keys: SigningKey[]) => Promise<string[]>][] = [
  [
    "sources that are run with the define",
    async (...keys) => {
      const text = keys.map(({ publicPem }) => publicPem).join("");
      return [process.execPath, "--define", `BUILD_TRUSTED_KEYS=${JSON.stringify(text)}`, SOURCES];
    },
  ],
  [
    "an executable that is built with `--trusted-key`",
    async (...keys) => {
      const files = keys.flatMap((key) => ["--trusted-key", join(folder, key === own ? "own.pem" : "other.pem")]);
      const target = ["--target", HOST_ARCHITECTURE, "--variant", "ordinary", "--testing-version", VERSION];
      await must([process.execPath, "scripts/build.ts", ...target, ...files]);
      return [EXECUTABLE];
    },
  ],
];

describe.each(makers)("%s", (_, make) => {
  test("believes releases by the keys that are built in, without any on the host", async () => {
    expect(await enable(await make(other, own))).toEqual({ exitCode: 0, proof: "signature", code: undefined });
  });

  test("refuses releases by others, also when the host is to forget its keys", async () => {
    const program = await make(other);
    const refused = { exitCode: 1, proof: undefined, code: "E_SIGNATURE" };
    expect(await enable(program)).toEqual(refused);
    expect(await enable(program, "default")).toEqual(refused);
    expect(await enable(program, "own")).toEqual({ exitCode: 0, proof: "signature", code: undefined });
  });
});

test("sources without keys believe by the checksum", async () => {
  const program = [process.execPath, SOURCES];
  expect(await enable(program)).toEqual({ exitCode: 0, proof: "checksum", code: undefined });
});

/** Enrolls a host with `program`, which is told to trust a key: how it ends, and by what the release is believed, or why not. */
async function enable(program: readonly string[], trusted?: "own" | "default") {
  using host = temporaryHost();
  host.write("/etc/own.pem", own.publicPem);
  const words = [
    ...["--proxy", server.address, "--base-url", server.baseUrl, "--ca-file", join(folder, "ca.pem")],
    ...(trusted === undefined ? [] : ["--trusted-key", trusted === "own" ? `${host.root}/etc/own.pem` : trusted]),
  ];
  const child = Bun.spawn([...program, "enable", ...words, "--log-format", "json", "--root", host.root], {
    env: {},
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await child.stderr.text();
  const proof = host.files.readText("/opt/teleport/default/versions/18.1.0/proof.json", 1 << 16);
  return {
    exitCode: await child.exited,
    proof: proof === undefined ? undefined : JSON.parse(proof).proof,
    code: /"code":"(E_\w+)"/.exec(said)?.[1],
  };
}
