import { UpdateError } from "../platform/errors.ts";
import type { HttpAnswer } from "../platform/http.ts";
import { pauseOrGiveUp, type RetryPolicy } from "../platform/retry.ts";
import type { Shown, SourceWorld } from "./http-source.ts";
import { notTheArchive, shownUrl } from "./server-errors.ts";
import type { BegunArchive, SourceArchive } from "./source.ts";

/**
 * A slow line is fine, a dead one is not, and neither is one that would hold the lock of the host for weeks: upstream has no
 * limit (updater-core §5.2), we take 1 KiB a second at least, and a day at most for all of it.
 */
const PATIENCE = { stallMs: 60_000, floor: { bytes: 60 << 10, withinMs: 60_000 } } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** A line that is cut again and again still brings something each time; one that brings nothing is given up after two minutes. */
const DOWNLOAD_RETRIES: RetryPolicy = { attempts: 8, firstPauseMs: 500, longestPauseMs: 30_000, patienceMs: 120_000 };
/** Fewer new bytes than this between two cuts are no progress. */
const PROGRESS_BYTES = 64 << 10;

/**
 * An archive over a line that may be cut: what is missing is asked for again with `Range`, and `If-Range` where the server
 * names the file by a strong tag. A server that knows no parts sends all of it, of which the known bytes are skipped; as
 * that costs the whole each time, it counts as no progress. Fails with `E_CHANGED` when another file lies there now.
 */
export class ResumedArchive implements SourceArchive {
  length: number | undefined;
  isPieced: boolean;
  readonly #deadlineMs: number;
  #answer: HttpAnswer | undefined;
  /** An answer came before, or a part of it from another place: what comes now has to be of the same file. */
  #isBegun: boolean;
  /** What names this very file, so that a part of another is not taken for one of it. */
  #validator: string | undefined;
  #received: number;
  /** Bytes in front of the answer that are here already. */
  #repeated = 0;
  /** Whether anything came with this answer, and whether all of it was new. */
  #isSilent = true;
  #isAllNew = true;

  constructor(
    private readonly world: SourceWorld,
    private readonly url: string,
    private readonly shown: Shown,
    begun: BegunArchive | undefined,
  ) {
    this.#deadlineMs = world.clock.elapsedMs() + DAY_MS;
    this.#received = begun?.received ?? 0;
    this.#isBegun = begun !== undefined;
    this.isPieced = this.#received > 0;
    this.length = begun?.length;
  }

  /** Asks for what is missing. */
  async ask(): Promise<void> {
    const { http, clock, signal } = this.world;
    const timeoutMs = Math.ceil(this.#deadlineMs - clock.elapsedMs());
    if (timeoutMs <= 0) throw this.#tooLong();
    this.#isSilent = true;
    const headers = { ...this.shown.headers, ...this.#wantedPart() };
    const answer = await http.get(this.url, { ...this.shown, ...PATIENCE, timeoutMs, headers, signal });
    try {
      this.#repeated = this.#check(answer);
    } catch (error) {
      await answer.discard();
      throw error;
    }
    this.isPieced = this.#received > 0;
    this.#isAllNew = this.#repeated === 0;
    this.#isBegun = true;
    this.#answer = answer;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const { clock } = this.world;
    let sinceMs = clock.elapsedMs();
    for (let tries = 0, isWhole = false; !isWhole; ) {
      const before = this.#received;
      try {
        if (this.#answer === undefined) await this.ask();
        yield* this.#news();
        isWhole = true;
      } catch (error) {
        await this.discard();
        const isProgress = this.#isAllNew && this.#received - before >= PROGRESS_BYTES;
        tries = isProgress ? 1 : tries + 1;
        if (!this.#isSilent) sinceMs = clock.elapsedMs();
        const what = `${shownUrl(this.url)} from byte ${this.#received} on`;
        await pauseOrGiveUp(this.world, { what, tries, sinceMs, error }, DOWNLOAD_RETRIES);
      }
    }
  }

  get place(): string {
    return shownUrl(this.url);
  }

  async discard(): Promise<void> {
    await this.#answer?.discard();
    this.#answer = undefined;
  }

  async *#news(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#answer?.body ?? []) {
      this.#isSilent = false;
      const known = Math.min(this.#repeated, chunk.length);
      this.#repeated -= known;
      if (known === chunk.length) continue;
      this.#received += chunk.length - known;
      yield known === 0 ? chunk : chunk.subarray(known);
    }
    if (this.length !== undefined && this.#received !== this.length) throw this.#tooShort();
  }

  #wantedPart(): Record<string, string> {
    if (this.#received === 0) return {};
    const range = { Range: `bytes=${this.#received}-` };
    return this.#validator === undefined ? range : { ...range, "If-Range": this.#validator };
  }

  /** Takes an answer for the file that was begun, or fails; how many of its bytes are here already. */
  #check(answer: HttpAnswer): number {
    const { status, headers } = answer;
    const validator = validatorOf(headers);
    const isAnother = this.#validator !== undefined && validator !== undefined && validator !== this.#validator;
    if (status === 206 && this.#received > 0) {
      const whole = lengthOfWhole(headers, this.#received, this.length);
      const isRest = whole !== undefined;
      if (!isRest || isAnother) throw this.#changed();
      this.length = whole;
      this.#validator ??= validator;
      return 0;
    }
    if (status === 416) throw this.#changed();
    if (status !== 200) throw notTheArchive(answer, this.url);
    const length = announcedLength(headers);
    if (this.#isBegun && (isAnother || length !== (this.length ?? length))) throw this.#changed();
    this.length = length;
    this.#validator ??= validator;
    return this.#received;
  }

  #changed(): UpdateError {
    return new UpdateError("E_CHANGED", `\`${shownUrl(this.url)}\` is another file than the one that was begun`, {
      hint: "it changed on the server while it was downloaded: run the command again",
    });
  }

  #tooShort(): UpdateError {
    const message = `\`${shownUrl(this.url)}\` ended after ${this.#received} of ${this.length} bytes`;
    return new UpdateError("E_NETWORK", message, {
      hint: "the connection was cut: run the command again",
      retryAfterMs: 0,
    });
  }

  #tooLong(): UpdateError {
    return new UpdateError("E_TIMEOUT", `\`${shownUrl(this.url)}\` did not come within a day`, {
      hint: "check the line to the server, or name a nearer mirror with `--base-url`",
    });
  }
}

/** Only a strong tag names these very bytes. */
function validatorOf(headers: Headers): string | undefined {
  const tag = headers.get("etag");
  return tag !== null && /^"[^"]*"$/.test(tag) ? tag : undefined;
}

function announcedLength(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/**
 * The length of the whole of which a part from `start` on comes; undefined for another part, or of another whole. A server that
 * does not know it (`*`, RFC 9110 §14.4) goes on with what is `known`.
 */
function lengthOfWhole(headers: Headers, start: number, known: number | undefined): number | undefined {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  const whole = total === "*" ? known : Number(total);
  if (whole === undefined || whole !== (known ?? whole)) return undefined;
  return Number(first) === start && Number(last) < whole ? whole : undefined;
}
