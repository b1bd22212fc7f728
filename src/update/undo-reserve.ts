import { join } from "node:path";
import type { Change, FileImage } from "../platform/change.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";

/** Of the usual file systems; a file takes whole ones. */
const BLOCK_BYTES = 4096;
/** Taken at once, so that most runs sync it once or twice: as text, `NOISE_BYTES` are so many. */
const STEP_BYTES = 64 << 10;
const NOISE_BYTES = 48 << 10;

/** By its name it is swept with what is staged, whoever left it there. */
const NAME = ".staging-reserve";

/**
 * Disk space that a transaction holds so that it can be undone on a disk that is full by then: a file in the namespace,
 * freed right before the undo. It covers what lies on the file system of the namespace, which is all of the host where
 * `/opt`, `/etc` and `/usr` share one. Where they do not, a full `/etc` still makes an undo wait for room, as it does when
 * another program takes the room at the moment in which it is freed, or the file system gives none back at once.
 */
export class UndoReserve {
  readonly #files: Files;
  readonly #path: string;
  #needed = 0;
  #held = 0;

  constructor(files: Files, namespace: Namespace) {
    this.#files = files;
    this.#path = join(namespace.directory, NAME);
  }

  /** Takes what undoing `changes` needs on top of all earlier ones. Fails with `E_NO_SPACE`; then they cannot be begun. */
  growFor(changes: readonly Change[]): void {
    this.#needed += changes.map(undoBytes).reduce((sum, bytes) => sum + bytes, 0);
    const steps = Math.ceil((this.#needed - this.#held) / STEP_BYTES);
    if (steps <= 0) return;
    this.#files.appendFile(this.#path, Array.from({ length: steps }, noise).join(""));
    this.#held += steps * STEP_BYTES;
  }

  /** Gives everything back, also what a run that was killed held. Never fails: where nothing can be freed the undo will tell. */
  free(): void {
    try {
      if (this.#files.stat(this.#path) !== undefined) this.#files.removeFile(this.#path);
    } catch (error) {
      if (!isUpdateError(error)) throw error;
    }
    this.#held = 0;
  }
}

/** What was there is written beside its place before it goes there; a link, a folder or a name may need a block as well. */
function undoBytes(change: Change): number {
  switch (change.kind) {
    case "file":
      return imageBytes(change.before);
    case "setup":
      return change.before
        .map((image) => imageBytes(image.kind === "file" ? image.image : null))
        .reduce((a, b) => a + b, 0);
    default:
      return BLOCK_BYTES;
  }
}

function imageBytes(image: FileImage | null): number {
  return BLOCK_BYTES + Math.ceil(Buffer.byteLength(image?.content ?? "") / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Zeros would take no room on a file system that compresses. */
function noise(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(NOISE_BYTES))).toString("base64");
}
