import fc from "fast-check";
import { UpdateError } from "../../src/platform/errors.ts";
import type { Files } from "../../src/platform/files.ts";

/** A call that changes the disk is not made, or is made but reported as failed. */
type Fault = "not made" | "not synced";

/** From its call number `call` on, counted from 0, a disk fails as `faults` say, one a call; if it lasts, for ever as the last. */
export interface Failure {
  call: number;
  faults: readonly Fault[];
  isLasting: boolean;
}

/** Failures that begin at one of the first `calls` calls. */
export function failures(calls: number): fc.Arbitrary<Failure> {
  return fc.record({
    call: fc.nat(calls - 1),
    faults: fc.array(fc.constantFrom<Fault[]>("not made", "not synced"), { minLength: 1, maxLength: 8 }),
    isLasting: fc.boolean(),
  });
}

/** A disk that can be told to fail. */
export interface FailingDisk {
  files: Files;
  /** From now on; until the disk has failed, calls for which `isCounted` answers false are passed over. */
  fail(failure: Failure, isCounted?: (path: string) => boolean): void;
}

export function failingDisk(files: Files): FailingDisk {
  let [failure, calls]: [Failure | undefined, number] = [undefined, 0];
  let counts = (_path: string) => true;
  const nextFault = (path: string): Fault | undefined => {
    if (failure === undefined || (calls <= failure.call && !counts(path))) return undefined;
    const failed = calls - failure.call;
    calls += 1;
    if (failed < 0) return undefined;
    return failure.faults[failed] ?? (failure.isLasting ? failure.faults.at(-1) : undefined);
  };
  const failing =
    <A extends [path: string, ...unknown[]], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      const fault = nextFault(args[0]);
      if (fault === "not made") throw new UpdateError("E_IO", "the disk failed");
      const result = call(...args);
      if (fault === "not synced") throw new UpdateError("E_IO", "the disk failed to sync");
      return result;
    };
  return {
    files: {
      ...files,
      makeDirectory: failing(files.makeDirectory),
      writeFile: failing(files.writeFile),
      appendFile: failing(files.appendFile),
      placeLink: failing(files.placeLink),
      rename: failing(files.rename),
      settle: failing(files.settle),
      removeFile: failing(files.removeFile),
      removeDirectory: failing(files.removeDirectory),
      removeTree: failing(files.removeTree),
      setMode: failing(files.setMode),
    },
    fail(next, isCounted = () => true) {
      [failure, calls, counts] = [next, 0, isCounted];
    },
  };
}
