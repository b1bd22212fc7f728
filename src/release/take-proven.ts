import { isUpdateError } from "../platform/errors.ts";
import type { Log } from "../platform/log.ts";
import type { Proof } from "./proof.ts";
import type { ReleaseSource } from "./source.ts";

interface Steps<T> {
  /** `believed` is what an earlier place of this run proved: another one has to say the same. */
  prove(believed: Proof | undefined): Promise<Proof>;
  take(proof: Proof): Promise<T>;
}

/**
 * Proves an archive of `source` and takes it. One that changed on its way is proven and taken once more; where there are several
 * places, what one of them gives wrongly is asked of the next. None of them is believed on less than the first, and what one of
 * them was believed is demanded of all: only the place itself may have changed its file meanwhile.
 */
export async function takeProven<T>(source: ReleaseSource, log: Log, { prove, take }: Steps<T>): Promise<T> {
  let believed: Proof | undefined;
  for (let isFirst = true; ; isFirst = false) {
    try {
      believed = await prove(believed);
      return await take(believed);
    } catch (error) {
      if (!isUpdateError(error, "E_CHANGED", "E_CHECKSUM", "E_SIGNATURE")) throw error;
      const mayStartOver = error.code === "E_CHANGED" && isFirst;
      if (!mayStartOver && source.passOver?.() !== true) throw error;
      log.warn(mayStartOver ? "The download starts over." : "This place gives something else, the next one is asked.", {
        error: error.message,
      });
    }
  }
}
