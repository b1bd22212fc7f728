import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildRequest, buildMirror } from "../../src/mirror/build.ts";
import { httpOrigin } from "../../src/mirror/origins.ts";
import { parseVersionWish } from "../../src/mirror/versions.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { World } from "../../src/platform/world.ts";
import { sha256Of } from "../release/archive.ts";
import { quickClock } from "../support/quick-clock.ts";
import { type KeptLog, testWorld } from "../support/test-world.ts";

/** A folder that is gone at the end. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "mirror-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** This machine, with a network that needs no TLS and pauses that are over at once. */
export function mirrorWorld(parts: Partial<World> = {}): World & { log: KeptLog } {
  const http = openHttp({
    trust: () => {
      throw new Error("these tests use no TLS");
    },
    insecure: false,
    proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  });
  return testWorld("/", { http, clock: quickClock(), ...parts });
}

/** The bytes of what stands for an archive; nobody unpacks it here. */
export function archiveBytes(seed: number, length = 300_000): Uint8Array {
  return new Uint8Array(length).map((_, index) => ((index + seed) * 2654435761) >>> 24);
}

export const nameOf = (version: string, rest = "linux-amd64-bin") => `teleport-v${version}-${rest}.tar.gz`;

/** Puts an archive and its checksum into a folder, as a CDN has them. */
export function putArchive(folder: string, name: string, bytes: Uint8Array): string {
  writeFileSync(join(folder, name), bytes);
  const sha256 = sha256Of(bytes);
  writeFileSync(join(folder, `${name}.sha256`), `${sha256}  ${name}\n`);
  return sha256;
}

type Wishes = Partial<Omit<BuildRequest, "versions">> & { versions: string[]; urls?: string[] };

/** Builds with what an operator leaves out filled in. */
export function build(world: World, directory: string, { versions, urls = [], ...rest }: Wishes) {
  return buildMirror(world, {
    directory,
    versions: versions.map(parseVersionWish),
    cluster: undefined,
    editions: [],
    architectures: ["amd64"],
    origins: urls.map((url) => httpOrigin(world, url)),
    digest: "",
    demands: { keys: [], skipSignature: false },
    signer: undefined,
    replaceSignatures: false,
    jobs: 3,
    installer: undefined,
    keep: undefined,
    ...rest,
  });
}
