import fc from "fast-check";
import { UpdateError } from "../../src/platform/errors.ts";
import type { Files } from "../../src/platform/files.ts";

/** How a disk fails at one call that changes it: the call is not made, or is made but reported as failed; once, or from then on. */
export interface Failure {
  /** Counted from 0. */
  call: number;
  isMade: boolean;
  isLasting: boolean;
}

export const FAILURE: fc.Arbitrary<Failure> = fc.record({
  call: fc.nat(16),
  isMade: fc.boolean(),
  isLasting: fc.boolean(),
});

/** A disk that can be told to fail. */
export interface FailingDisk {
  files: Files;
  /** From now on; calls for which `isCounted` answers false are passed over until the disk has failed. */
  fail(failure: Failure, isCounted?: (path: string) => boolean): void;
}

export function failingDisk(files: Files): FailingDisk {
  let [failure, calls]: [Failure | undefined, number] = [undefined, 0];
  let counts = (_path: string) => true;
  const isDue = (path: string) => {
    if (failure === undefined) return false;
    const isOver = calls > failure.call;
    if (isOver || !counts(path)) return isOver && failure.isLasting;
    calls += 1;
    return calls > failure.call;
  };
  const failing =
    <A extends [path: string, ...unknown[]], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      const fails = isDue(args[0]);
      if (fails && failure?.isMade !== true) throw new UpdateError("E_IO", "the disk failed");
      const result = call(...args);
      if (fails) throw new UpdateError("E_IO", "the disk failed to sync");
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
