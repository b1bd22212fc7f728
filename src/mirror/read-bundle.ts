import { streamSha256 } from "#variant/stream-digest";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { isProofName } from "./archive-names.ts";
import {
  BUNDLE_END,
  headOf,
  layOut,
  MANIFEST_HEAD_BYTES,
  manifestLength,
  type PlacedFile,
  paddingOf,
} from "./bundle-frame.ts";
import { type BundledFile, MANIFEST_FILE, parseManifest, refusedBundle } from "./manifest.ts";
import { openParted, type PartedFile } from "./read-parts.ts";

/** A bundle of which only the manifest and the length were looked at yet. */
export interface Bundle extends AsyncDisposable {
  readonly bytes: number;
  readonly files: readonly BundledFile[];
  /**
   * Reads the whole bundle once and writes nothing: every byte must be the one that the manifest lets expect, and every content
   * must have its digest. `advance` hears of the bytes as they are read. Fails with `E_MIRROR`.
   */
  prove(advance: (bytes: number) => void): Promise<ProvenBundle>;
  /** The content of one of `files`; to be compared with its digest again, as the bundle may lie where others write. */
  content(file: BundledFile): AsyncGenerator<Uint8Array>;
}

export interface ProvenBundle {
  /** Of the whole bundle. */
  sha256: string;
  /** What the small files say that make others believed, by name: `.sha256` and `.sig`. */
  texts: ReadonlyMap<string, string>;
}

/** Bytes of a file that makes another believed. */
const TEXT_LIMIT = 4096;

/** Opens the bundle at `path`. Fails with `E_MIRROR` when it is none, or is longer or shorter than its manifest says. */
export async function openBundle(
  { localFiles: files, signal }: Pick<World, "localFiles" | "signal">,
  path: string,
): Promise<Bundle> {
  const file = await openParted(files, path, "follow");
  if (file === undefined) throw noBundle(files, path);
  try {
    const head = await bytesOf(file.parts(0, MANIFEST_HEAD_BYTES, signal));
    const manifestBytes = manifestLength(head);
    if (manifestBytes === undefined) throw refusedBundle(path, "it does not start with a manifest");
    const manifest = await bytesOf(file.parts(head.length, manifestBytes, signal));
    const listed = parseManifest(manifest.toString(), (reason) => refusedBundle(path, reason)).files;
    const { length, places } = layOut(manifestBytes, listed);
    if (file.bytes !== length) {
      throw refusedBundle(path, `it has ${file.bytes} bytes, and ${length} belong to what it lists`);
    }
    const starts = new Map(places.map((place) => [place.file.name, place.start]));
    return {
      bytes: length,
      files: listed,
      prove: (advance) => new Proving(file, path, signal, advance).all(head, manifest, places),
      content: ({ name, bytes }) => file.parts(starts.get(name) ?? length, bytes, signal),
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

function noBundle(files: World["localFiles"], path: string): UpdateError {
  if (files.statFollowed(path) !== undefined) return refusedBundle(path, "it is no regular file");
  return new UpdateError("E_MIRROR", `there is no file \`${path}\``, {
    hint: "name the bundle that `mirror bundle` wrote with `--from FILE`",
  });
}

/** One reading of a bundle from its start to its end. */
class Proving {
  readonly #whole = streamSha256();
  readonly #texts = new Map<string, string>();
  #at = 0;

  constructor(
    private readonly file: PartedFile,
    private readonly path: string,
    private readonly signal: AbortSignal,
    private readonly advance: (bytes: number) => void,
  ) {}

  async all(head: Buffer, manifest: Buffer, places: readonly PlacedFile[]): Promise<ProvenBundle> {
    // Read again, so that the digest is of the manifest that all else is compared with.
    await this.#expect(Buffer.concat([head, manifest, paddingOf(manifest.length)]), MANIFEST_FILE);
    for (const { file } of places) {
      await this.#expect(headOf(file.name, file.bytes), file.name);
      await this.#content(file);
      await this.#expect(paddingOf(file.bytes), file.name);
    }
    await this.#expect(BUNDLE_END, "the end");
    return { sha256: await this.#whole.hex(), texts: this.#texts };
  }

  async #expect(wanted: Buffer, where: string): Promise<void> {
    const found = await bytesOf(this.#next(wanted.length));
    if (found.equals(wanted)) return;
    throw refusedBundle(this.path, `what frames \`${where}\` was not written by \`mirror bundle\``);
  }

  async #content({ name, bytes, sha256 }: BundledFile): Promise<void> {
    const digest = streamSha256();
    const kept: Uint8Array[] | undefined = isProofName(name) ? [] : undefined;
    if (kept !== undefined && bytes > TEXT_LIMIT) {
      throw refusedBundle(this.path, `\`${name}\` has more than ${TEXT_LIMIT} bytes`);
    }
    for await (const part of this.#next(bytes)) {
      await digest.update(part);
      kept?.push(Uint8Array.from(part));
    }
    const found = await digest.hex();
    if (found !== sha256) {
      throw refusedBundle(this.path, `\`${name}\` has the SHA-256 ${found}, and the manifest says ${sha256}`);
    }
    if (kept !== undefined) this.#texts.set(name, Buffer.concat(kept).toString());
  }

  async *#next(length: number): AsyncGenerator<Uint8Array> {
    for await (const part of this.file.parts(this.#at, length, this.signal)) {
      this.#at += part.length;
      await this.#whole.update(part);
      this.advance(part.length);
      yield part;
    }
  }
}

async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(Uint8Array.from(part));
  return Buffer.concat(all);
}
