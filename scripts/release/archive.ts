import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";

/** One file of an archive; its folders are made from its path. */
export interface ArchivedFile {
  /** Below the top folder. */
  path: string;
  mode: 0o644 | 0o755;
  content: Uint8Array | string;
}

/** A tar archive in three parts, which follow on each other: the largest file is a part of its own. */
export interface Tar {
  head: Buffer<ArrayBuffer>;
  body: Buffer<ArrayBuffer>;
  tail: Buffer<ArrayBuffer>;
}

const BLOCK = 512;
const END_OF_ARCHIVE = 2 * BLOCK;
const OWNER = { uid: 0, gid: 0, uname: "root", gname: "root" };

/**
 * Packs the files below `topFolder`, sorted by path, all of them root's and of one time: the same files make the same bytes, whoever
 * packs them. The file that sorts last is the body.
 */
export async function makeTar(topFolder: string, files: readonly ArchivedFile[], mtime: Date): Promise<Tar> {
  const tar = pack();
  const folders = new Set<string>();
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, mode, content } of sorted) {
    const name = `${topFolder}/${path}`;
    for (const folder of parentsOf(name)) {
      if (folders.has(folder)) continue;
      folders.add(folder);
      tar.entry({ ...OWNER, name: `${folder}/`, type: "directory", mode: 0o755, mtime });
    }
    tar.entry({ ...OWNER, name, mode, mtime }, Buffer.from(content));
  }
  tar.finalize();
  const bytes = await buffer(tar);
  const size = Buffer.byteLength(sorted.at(-1)?.content ?? "");
  const end = bytes.length - END_OF_ARCHIVE - (Math.ceil(size / BLOCK) * BLOCK - size);
  return { head: bytes.subarray(0, end - size), body: bytes.subarray(end - size, end), tail: bytes.subarray(end) };
}

/** As `gzip -n`: without a name and a time. The pinned Bun brings the compressor, so the bytes are the same on every machine. */
export function gzip({ head, body, tail }: Tar): Uint8Array {
  return Bun.gzipSync(Buffer.concat([head, body, tail]), { library: "libdeflate", level: 9 });
}

/** As zstd does it at level 19. Each part is a frame of its own, so that a body that is in two archives is compressed once. */
export async function zstd({ head, body, tail }: Tar): Promise<Uint8Array> {
  return Buffer.concat([await zstdFrame(head), await knownFrame(body), await zstdFrame(tail)]);
}

const ZSTD_LEVEL = 19;
const frames = new Map<string, Promise<Uint8Array>>();

function knownFrame(body: Buffer<ArrayBuffer>): Promise<Uint8Array> {
  const digest = Bun.SHA256.hash(body, "hex");
  const frame = frames.get(digest) ?? zstdFrame(body);
  frames.set(digest, frame);
  return frame;
}

function zstdFrame(bytes: Buffer<ArrayBuffer>): Promise<Uint8Array> {
  return Bun.zstdCompress(bytes, { level: ZSTD_LEVEL });
}

function parentsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
