import { createWriteStream, renameSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Pack, pack } from "tar-stream";

export interface TarballFile {
  path: string;
  mode: number;
  bytes: number;
  /** Pieces that together have `bytes` bytes; asked for when the file's turn has come. */
  content(): Iterable<Buffer>;
}

/**
 * Writes `files` below `topFolder` to a `.tar.gz`, each folder before its files as GNU tar does it. Streams, so memory
 * stays small; the same files make the same bytes. The archive appears at `path` once it is whole.
 */
export async function writeTarball(
  path: string,
  topFolder: string,
  files: readonly TarballFile[],
): Promise<{ sha256: string; bytes: number }> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  async function* measure(chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  const tar = pack();
  const beside = `${path}.partial`;
  const gzip = createGzip({ level: 1, chunkSize: 1 << 20 });
  await Promise.all([pipeline(tar, gzip, measure, createWriteStream(beside)), packFiles(tar, topFolder, files)]);
  renameSync(beside, path);
  return { sha256: hash.digest("hex"), bytes };
}

const COMMON = { mtime: new Date("2025-01-01T00:00:00Z"), uname: "root", gname: "root" };

async function packFiles(tar: Pack, topFolder: string, files: readonly TarballFile[]): Promise<void> {
  const folders = new Set<string>();
  for (const file of files) {
    const name = `${topFolder}/${file.path}`;
    for (const folder of parentsOf(name)) {
      if (folders.has(folder)) continue;
      folders.add(folder);
      tar.entry({ ...COMMON, name: `${folder}/`, type: "directory", mode: 0o755 });
    }
    await packFile(tar, name, file);
  }
  tar.finalize();
}

function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

async function packFile(tar: Pack, name: string, { mode, bytes, content }: TarballFile): Promise<void> {
  await pipeline(content, tar.entry({ ...COMMON, name, mode, size: bytes }));
}
