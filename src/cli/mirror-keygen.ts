import { resolve } from "node:path";
import { writeSiteKey } from "../mirror/site-key.ts";
import { hostFiles } from "../platform/host-files.ts";
import type { MIRROR_KEYGEN_FLAGS } from "./mirror-flags.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** `mirror keygen`: makes the key that a site signs with. */
export async function run({ values }: CommandInput<typeof MIRROR_KEYGEN_FLAGS>): Promise<number> {
  const { id, privateFile, publicFile } = await writeSiteKey(hostFiles(), resolve(values.to));
  writeOutput(`private key: ${privateFile}\npublic key for the hosts: ${publicFile}\nid: ${id}\n`);
  return 0;
}
