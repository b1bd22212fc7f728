import { setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { TARGETS } from "./targets.ts";

setDefaultTimeout(240_000);

// A new seed each time, but in CI; a failure prints it, and `npm run fuzz -- --only NAME --seed N` tries it again.
test.each(TARGETS.map((target) => [target.name, target] as const))("%s", async (_name, { property, runs }) => {
  await fc.assert(property, { numRuns: runs });
});
