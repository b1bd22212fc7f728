import { resolve } from "node:path";
import { importBundle } from "../mirror/import-bundle.ts";
import { openWorld, readNamespace } from "./context.ts";
import { quoted, usageError } from "./flag-words.ts";
import type { MIRROR_IMPORT_FLAGS } from "./mirror-flags.ts";
import { readMirrorKeys } from "./mirror-keys.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";
import { setRequiredUmask } from "./root-rights.ts";

/** `mirror import`: puts a bundle into the tree of a mirror, and prints its digest as `sha256sum` does. */
export async function run(input: CommandInput<typeof MIRROR_IMPORT_FLAGS>): Promise<number> {
  const { values } = input;
  const digest = values.digest.toLowerCase();
  if (!/^([0-9a-f]{64})?$/.test(digest)) {
    throw usageError(`flag \`--digest\` must be a SHA-256 of 64 hex digits, not ${quoted(values.digest)}`);
  }
  // A web server reads what is made here.
  setRequiredUmask(input.log);
  const world = openWorld(input, { namespace: readNamespace(input) });
  const keys = await readMirrorKeys(world.localFiles, values["trusted-key"]);
  const [from, to] = [resolve(values.from), resolve(values.to)];
  const replaceSignatures = values["replace-signatures"];
  const { sha256, bytes, added, kept } = await importBundle(world, { from, to, digest, keys, replaceSignatures });
  world.log.info("The bundle is imported.", { path: to, size: bytes, added, kept });
  writeOutput(`${sha256}  ${from}\n`);
  return 0;
}
