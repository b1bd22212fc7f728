import { UpdateError } from "../platform/errors.ts";

/** So long we go on reading an archive that cannot be unpacked, to learn whether it is the one that was published. */
const REST_LIMIT_MS = 60_000;

/**
 * An archive on its way to whoever unpacks it, read to its end also when they have had enough of it: only the end shows
 * whether it has the right digest.
 */
export class ProvenSource {
  #failure: { error: unknown } | undefined;

  /** `archive` ends without an error only when it came whole and true. */
  constructor(private readonly archive: AsyncGenerator<Uint8Array>) {}

  /** The archive; to stop reading does not end it. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for (let next = await this.#next(); !next.done; next = await this.#next()) yield next.value;
  }

  /**
   * Reads what is left. Fails with what the archive failed with, now or before, and with `E_DOWNLOAD` when its end does
   * not come soon: whoever gets an answer has a proven archive.
   */
  async finish(limitMs = REST_LIMIT_MS): Promise<void> {
    const end = performance.now() + limitMs;
    for (let next = await this.#next(); !next.done; next = await this.#next()) {
      if (performance.now() > end) throw new UpdateError("E_DOWNLOAD", "the end of the archive does not come");
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #next(): Promise<IteratorResult<Uint8Array, unknown>> {
    try {
      return await this.archive.next();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}
