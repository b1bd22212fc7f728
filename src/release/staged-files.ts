import { closeSync, constants, fchmodSync, fdatasync, fsyncSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { writtenSha256 } from "#variant/stream-digest";
import type { Files } from "../platform/files.ts";
import { attempt, attemptAsync } from "../platform/path-errors.ts";
import type { EntrySink } from "./untar.ts";

/** One file of a staged release. */
export interface StagedFile {
  /** In the version directory. */
  path: string;
  sha256: string;
  size: number;
  /** What the file gets when it is sealed. */
  mode: number;
}

/** Readable for nobody else and not executable, until the archive is proven. */
const UNPROVEN_MODE = 0o600;
/** Written back in the background so often: then the disk works while we unpack, and little is left to wait for at the end. */
const SYNC_BYTES = 32 << 20;

/**
 * The files of a release while they are unpacked into a fresh directory. Bulk data does not pass the `Files` seam, but
 * every path comes from it.
 */
export class StagedFiles {
  /** In the order of the archive; whole once `settled`. */
  files: StagedFile[] = [];
  readonly #ended: Promise<StagedFile>[] = [];
  readonly #open = new Set<BackgroundSync>();
  readonly #closing: Promise<void>[] = [];
  readonly #directories = new Set<string>();

  constructor(
    private readonly host: Files,
    private readonly directory: string,
  ) {}

  /** Makes the file `place` anew: one that is there already is an error, as is a link. */
  open(place: string, mode: number): EntrySink {
    const path = join(this.directory, place);
    this.#makeDirectory(dirname(path));
    const descriptor = attempt("write", path, () => openSync(this.host.real(path), NEW_FILE, UNPROVEN_MODE));
    const sync = new BackgroundSync(path, descriptor);
    this.#open.add(sync);
    const digest = writtenSha256();
    let size = 0;
    return {
      write: (part) => {
        attempt("write", path, () => writeAll(descriptor, part));
        digest.wrote(part);
        size += part.length;
        sync.wrote(part.length);
      },
      end: () => {
        const ended = (async () => ({ path: place, sha256: await digest.hex(this.host.real(path)), size, mode }))();
        handleLater(ended);
        this.#ended.push(ended);
        this.#close(sync);
      },
    };
  }

  /** Waits until every file that ended is digested and on the disk. Fails with the first error of either. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
    this.files = await Promise.all(this.#ended);
  }

  /** Closes whatever is still open. Never fails; to be called however the unpacking ended, before the directory is removed. */
  async release(): Promise<void> {
    for (const sync of this.#open) this.#close(sync);
    await Promise.allSettled([...this.#closing, ...this.#ended]);
  }

  /** Gives each file its mode and each directory its names, for good: bottom up, so that no name stands for missing content. */
  seal(): void {
    for (const { path, mode } of this.files) {
      const file = join(this.directory, path);
      withDescriptor(this.host, file, constants.O_RDONLY | constants.O_NOFOLLOW, (descriptor) => {
        fchmodSync(descriptor, mode);
        fsyncSync(descriptor);
      });
    }
    const deepestFirst = [...this.#directories].sort((a, b) => b.length - a.length);
    for (const directory of deepestFirst) {
      withDescriptor(this.host, directory, constants.O_RDONLY | constants.O_DIRECTORY, fsyncSync);
    }
  }

  #makeDirectory(directory: string): void {
    if (this.#directories.has(directory)) return;
    for (const made of this.host.makeDirectory(directory)) this.#directories.add(made);
  }

  #close(sync: BackgroundSync): void {
    this.#open.delete(sync);
    const closed = sync.close();
    handleLater(closed);
    this.#closing.push(closed);
  }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Writes one file's data back to the disk in the thread pool, one call at a time. */
class BackgroundSync {
  #dirty = 0;
  #isBusy = false;
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly descriptor: number,
  ) {}

  wrote(bytes: number): void {
    this.#dirty += bytes;
    if (this.#dirty < SYNC_BYTES || this.#isBusy) return;
    this.#dirty = 0;
    this.#isBusy = true;
    this.#last = this.#sync().finally(() => {
      this.#isBusy = false;
    });
    this.#last.catch(() => {});
  }

  /** The descriptor stays open until no call uses it any more: its number may belong to another file the moment after. */
  async close(): Promise<void> {
    try {
      await this.#last;
      await this.#sync();
    } finally {
      closeSync(this.descriptor);
    }
  }

  #sync(): Promise<void> {
    return attemptAsync(
      "sync",
      this.path,
      () =>
        new Promise((resolve, reject) => fdatasync(this.descriptor, (error) => (error ? reject(error) : resolve()))),
    );
  }
}

/** Looked at in `settled`; until then a failure must not count as unhandled. */
function handleLater(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

function writeAll(descriptor: number, part: Uint8Array): void {
  for (let offset = 0; offset < part.length; ) offset += writeSync(descriptor, part, offset);
}

function withDescriptor(host: Files, path: string, flags: number, use: (descriptor: number) => void): void {
  attempt("sync", path, () => {
    const descriptor = openSync(host.real(path), flags);
    try {
      use(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}
