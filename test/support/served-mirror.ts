import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccessRecord } from "../../src/mirror/access-log.ts";
import { formatIndex, INDEX_FILE } from "../../src/mirror/index-file.ts";
import { mirrorAnswers } from "../../src/mirror/serve.ts";
import { servedTree } from "../../src/mirror/served-tree.ts";
import { sha256 } from "../../src/platform/digest.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { type HttpServer, type ServerSettings, startHttpServer } from "../../src/platform/http-server.ts";
import { keptLog } from "./test-world.ts";

/** A mirror in a temporary folder, served on a free port of 127.0.0.1. */
export interface ServedMirror extends AsyncDisposable {
  directory: string;
  server: HttpServer;
  url: string;
  answers: AccessRecord[];
  /** What the operator would read. */
  lines: string[];
  /** Puts a file in place as a mirror is written: by a rename. */
  place(name: string, content: string | Uint8Array): Promise<void>;
  /** Writes the index of these files, as `mirror build` does last. */
  index(files: Record<string, string | Uint8Array>): Promise<void>;
}

type Settings = Partial<Omit<ServerSettings, "answer">> & { prefix?: string };

export async function serveMirror({ prefix = "", ...settings }: Settings = {}): Promise<ServedMirror> {
  const directory = mkdtempSync(join(tmpdir(), "served-"));
  const answers: AccessRecord[] = [];
  const log = keptLog();
  const tree = servedTree(hostFiles(), directory, log);
  const answer = mirrorAnswers({ tree, prefix, now: () => new Date(), record: (access) => answers.push(access) });
  const plenty = { answers: { all: 500, each: 500 }, connections: { all: 500, each: 500 } };
  const where = { host: "127.0.0.1", port: 0 };
  const server = await startHttpServer({ ...where, ...plenty, idleSeconds: 60, ...settings, answer });
  const place = async (name: string, content: string | Uint8Array) => {
    const partial = join(directory, `.${name}.partial`);
    await Bun.write(partial, content);
    hostFiles().rename(partial, join(directory, name));
  };
  return {
    ...{ directory, server, answers, place },
    url: `${server.url}${prefix}`,
    lines: log.lines,
    async index(files) {
      const entries = Object.entries(files).map(([name, content]) => {
        const bytes = Buffer.from(content);
        return [name, { sha256: Buffer.from(sha256(bytes)).toString("hex"), bytes: bytes.length }];
      });
      await nextTick(directory);
      const index = { kind: "teleport_mirror", version: "v1", written: "2026-11-22T00:00:00Z" } as const;
      await place(INDEX_FILE, formatIndex({ ...index, files: Object.fromEntries(entries) }));
    },
    async [Symbol.asyncDispose]() {
      await server.stop(0);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Until the clock of the file system has moved on: the index of a build of this size would be as old as its files. */
async function nextTick(directory: string): Promise<void> {
  const probe = join(directory, ".probe");
  const touched = async () => {
    await Bun.write(probe, "");
    return statSync(probe).ctimeMs;
  };
  const first = await touched();
  while ((await touched()) === first);
  rmSync(probe);
}
