import { test } from "bun:test";
import fc from "fast-check";
import { targetNamed } from "./targets.ts";

/** What `npm run fuzz` has found: once each of these broke its property. */
test.each<[target: string, what: string, values: unknown[]]>([
  ["addresses", "a label that says it is encoded, and is not", ["xn--a"]],
  ["updater.yaml", "a key without a text", [`version: v1\nkind: updater_options\n? `]],
  ["update.yaml", "a tab in the words of the YAML library", [">\tt\t"]],
  ["base URLs", "a backslash, which URLs take for a slash", ["https://mirror.test/\\"]],
  ["version directories", "a control character in the refusal of a name", ["\u0000_ent_fipsv"]],
  [
    "run on a failing disk",
    "a commit that is made and reported as failed, as is all that follows",
    [{ call: 8, faults: ["not synced"], isLasting: true }, undefined],
  ],
  [
    "run on a failing disk",
    "a commit that is on the disk though it failed, before a roll back that fails half way",
    [
      {
        call: 8,
        faults: ["not synced", "not made", "not made", "not made", "not synced", "not made", "not synced"],
        isLasting: true,
      },
      undefined,
    ],
  ],
])("%s: %s", async (name, _what, values) => {
  await fc.assert(targetNamed(name).property, { examples: [values], numRuns: 1 });
});
