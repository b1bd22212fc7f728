import { resolve } from "node:path";
import { writeBundle } from "../mirror/bundle.ts";
import { readSiteKey, signatureText } from "../mirror/site-key.ts";
import type { Files } from "../platform/files.ts";
import { openWorld, readNamespace } from "./context.ts";
import type { MIRROR_BUNDLE_FLAGS } from "./mirror-flags.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** `mirror bundle`: writes a mirror into one file, and prints its digest as `sha256sum` does. */
export async function run(input: CommandInput<typeof MIRROR_BUNDLE_FLAGS>): Promise<number> {
  const { at, to, version, sign } = input.values;
  const world = openWorld(input, { namespace: readNamespace(input) });
  const path = resolve(to);
  const { sha256, bytes, files } = await writeBundle(world, {
    tree: resolve(at),
    to: path,
    versions: version,
    sign: await signingWith(world.localFiles, sign),
  });
  world.log.info("The bundle is written.", { path, size: bytes, files });
  writeOutput(`${sha256}  ${path}\n`);
  return 0;
}

/** Reads the key before anything is written; undefined without one. */
async function signingWith(files: Files, path: string): Promise<((sha256: string) => string) | undefined> {
  if (path === "") return undefined;
  const signer = await readSiteKey(files, resolve(path));
  return (sha256) => signatureText(signer, sha256);
}
