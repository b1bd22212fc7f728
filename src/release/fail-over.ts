import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { BegunArchive, ReleaseSource, SourceArchive, SourceText } from "./source.ts";

/**
 * Several places in order: what one does not have, or cannot give, is asked of the next, also in the middle of an archive.
 * Which bytes are right is not decided here: whoever reads them knows the digest that the whole must have.
 */
export function failOver(sources: readonly ReleaseSource[], log: Log): ReleaseSource {
  const [only, ...others] = sources;
  return only !== undefined && others.length === 0 ? only : new FailOver(sources, log);
}

class FailOver implements ReleaseSource {
  /** The places that did not fail come first, and are asked before all the others from then on. */
  #inTurn: ReleaseSource[];
  #last: ReleaseSource | undefined;
  readonly #passedOver = new Set<ReleaseSource>();

  constructor(
    sources: readonly ReleaseSource[],
    private readonly log: Log,
  ) {
    this.#inTurn = [...sources];
  }

  locate(name: string): string {
    return this.#inTurn[0]?.locate(name) ?? name;
  }

  readText(name: string, limit: number): Promise<SourceText | undefined> {
    return this.inTurn(name, (place) => place.readText(name, limit));
  }

  async inTurn<T>(name: string, work: (place: ReleaseSource) => Promise<T | undefined>): Promise<T | undefined> {
    const failures: UpdateError[] = [];
    this.#last = undefined;
    for (const source of [...this.#inTurn]) {
      try {
        const found = await work(source);
        if (found === undefined) continue;
        this.#last = source;
        return found;
      } catch (error) {
        failures.push(this.#putLast(source, name, error));
      }
    }
    // A place that fails might have had it: that nobody has it is only known when all were asked.
    if (failures.length > 0) throw allFailed(name, failures);
    return undefined;
  }

  passOver(): boolean {
    const wrong = this.#last;
    if (wrong === undefined || this.#passedOver.has(wrong)) return false;
    this.#passedOver.add(wrong);
    this.#inTurn = [...this.#inTurn.filter((one) => one !== wrong), wrong];
    return this.#passedOver.size < this.#inTurn.length;
  }

  async open(name: string, begun?: BegunArchive): Promise<SourceArchive> {
    const left = [...this.#inTurn];
    const failures: UpdateError[] = [];
    const givers: string[] = [];
    this.#last = undefined;
    let { archive, source } = await this.#openNext(left, name, begun, failures);
    const { length } = archive;
    const goOn = async (received: number, error: unknown) => {
      failures.push(this.#putLast(source, name, error));
      await archive.discard();
      ({ archive, source } = await this.#openNext(left, name, { received, length }, failures));
      this.log.info("The download goes on from another place.", { url: source.locate(name), at: received });
    };
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let received = begun?.received ?? 0, isWhole = false; !isWhole; ) {
        try {
          for await (const chunk of archive.chunks()) {
            received += chunk.length;
            if (givers.at(-1) !== archive.place) givers.push(archive.place);
            yield chunk;
          }
          isWhole = true;
        } catch (error) {
          await goOn(received, error);
        }
      }
    }
    return {
      length,
      chunks,
      get place() {
        return givers.length === 0 ? archive.place : givers.join(", then ");
      },
      get isPieced() {
        return archive.isPieced;
      },
      discard: () => archive.discard(),
    };
  }

  /** Opens the archive at the first of `left` that gives it, which it takes out of them together with those that fail. */
  async #openNext(left: ReleaseSource[], name: string, begun: BegunArchive | undefined, failures: UpdateError[]) {
    for (let source = left.shift(); source !== undefined; source = left.shift()) {
      try {
        const archive = await source.open(name, begun);
        this.#last = source;
        return { source, archive };
      } catch (error) {
        // Another file than was begun elsewhere: which of the two places is right is not known yet.
        const isOther = begun !== undefined && isUpdateError(error, "E_CHANGED");
        failures.push(isOther ? error : this.#putLast(source, name, error));
      }
    }
    throw allFailed(name, failures);
  }

  /** What every place would answer alike, a defect and an interrupt, ends the search. */
  #putLast(source: ReleaseSource, name: string, error: unknown): UpdateError {
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    this.log.warn("This place of releases fails, the next one is asked.", {
      url: source.locate(name),
      error: error.message,
    });
    this.#inTurn = [...this.#inTurn.filter((one) => one !== source), source];
    return error;
  }
}

function allFailed(name: string, failures: readonly UpdateError[]): UpdateError {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const codes = new Set(failures.map(({ code }) => code));
  // A file that changed is worth a fresh start, whatever the other places say.
  const code = codes.has("E_CHANGED")
    ? "E_CHANGED"
    : codes.size === 1 && first !== undefined
      ? first.code
      : "E_DOWNLOAD";
  return new UpdateError(code, `no place gives \`${name}\`: ${failures.map(({ message }) => message).join("; ")}`, {
    hint: "each place has its own remedy: read the messages one by one",
    cause: first,
  });
}
