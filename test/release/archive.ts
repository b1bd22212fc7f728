import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Log } from "../../src/platform/log.ts";
import type { World } from "../../src/platform/world.ts";
import { httpSource } from "../../src/release/http-source.ts";
import type { Progress } from "../../src/release/progress.ts";
import type { StageRequest } from "../../src/release/stage.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { quickClock } from "../support/quick-clock.ts";

/** One entry of an archive; a regular file with the mode 0755 unless it says otherwise. */
export type Entry = Partial<Header> & { name: string; content?: string | Uint8Array };

export const UNIT = "[Unit]\nDescription=Teleport\n";

/** The entries of a small release, as its archive has them. */
export function releaseEntries(folder = "teleport"): Entry[] {
  return [
    { name: `${folder}/`, type: "directory" },
    { name: `${folder}/teleport`, content: "#!/bin/sh\nexit 0\n\u000b" },
    { name: `${folder}/tsh`, content: "program tsh" },
    { name: `${folder}/install`, content: "#!/bin/sh\n" },
    { name: `${folder}/README.md`, content: "read me", mode: 0o644 },
    { name: `${folder}/VERSION`, content: "18.1.0", mode: 0o600 },
    { name: `${folder}/examples/`, type: "directory" },
    { name: `${folder}/examples/systemd/teleport.service`, content: UNIT, mode: 0o664 },
    { name: `${folder}/examples/systemd/post-install`, content: "#!/bin/sh\n" },
  ];
}

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const packed = pack();
  for (const { content = "", ...header } of entries) packed.entry({ mode: 0o755, ...header }, Buffer.from(content));
  packed.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of packed) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

export async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  return gzipSync(await tarOf(entries));
}

export function sha256Of(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** A real server on this machine; `handler` answers every request. */
export function serve(handler: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handler });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "release-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What this room asks of the world. */
type ReleaseWorld = Pick<World, "files" | "processes" | "clock" | "http" | "log" | "signal">;

/** This machine under `root`, with pauses that are over at once, and every line that was logged as `level message {attributes}`. */
export function testWorld(root = "/"): ReleaseWorld & { lines: string[]; interrupt: AbortController } {
  const lines: string[] = [];
  const interrupt = new AbortController();
  return {
    files: hostFiles(root),
    processes: hostProcesses,
    clock: quickClock(),
    http: openHttp({
      trust: () => {
        throw new Error("these tests use no TLS");
      },
      insecure: false,
      proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
    }),
    log: recorder(lines),
    signal: interrupt.signal,
    lines,
    interrupt,
  };
}

export const NO_PROGRESS: Progress = { start() {}, advance() {}, end() {} };

/** Asks `server` for a release with the digest `sha256`, to be staged below `folder`. */
export function stageRequest(
  world: ReleaseWorld,
  { folder, server, sha256 }: { folder: string; server: string; sha256: string },
): StageRequest {
  const source = httpSource(world, server);
  const name = "teleport.tar.gz";
  const proof = { by: "checksum", sha256, key: undefined, published: undefined, isSignatureSkipped: false } as const;
  return {
    namespace: namespaceFor("", folder),
    revision: revision("18.1.0"),
    source,
    name,
    proof: { ...proof, place: source.locate(name) },
    progress: NO_PROGRESS,
  };
}

function recorder(lines: string[]): Log {
  const at =
    (level: string) =>
    (message: string, attributes: object = {}) =>
      void lines.push(`${level} ${message} ${JSON.stringify(attributes)}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
