import { type ErrorCode, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";
import { CLEAR } from "../settings/clear-word.ts";
import { type GivenOptions, mapPaths } from "../settings/options.ts";
import { placeOfGiven } from "./plan-options.ts";

type PathOption = "caFile" | "netrcFile" | "bearerTokenFile" | "clientCertificate" | "clientKey" | "trustedKeys";

const OF_FILES: Record<PathOption, [flag: string, code: ErrorCode]> = {
  caFile: ["--ca-file", "E_TRUST_STORE"],
  trustedKeys: ["--trusted-key", "E_TRUSTED_KEY"],
  netrcFile: ["--netrc", "E_CREDENTIALS"],
  bearerTokenFile: ["--bearer-token-file", "E_CREDENTIALS"],
  clientCertificate: ["--client-cert", "E_CREDENTIALS"],
  clientKey: ["--client-key", "E_CREDENTIALS"],
};

/**
 * Refuses a file that was named now and is not there, with the code of what it was to be, before anybody asks who could make
 * it: most such paths are mistyped.
 */
export function requireGivenFiles({ files, localFiles }: World, given: GivenOptions): void {
  const here = mapPaths(given, (path) => placeOfGiven(files, path));
  for (const [name, [flag, code]] of Object.entries(OF_FILES) as [PathOption, [string, ErrorCode]][]) {
    const paths = [here[name] ?? []].flat().filter((path) => path !== CLEAR);
    const missing = paths.find((path) => localFiles.statFollowed(path) === undefined);
    if (missing === undefined) continue;
    throw new UpdateError(code, `the file \`${missing}\` does not exist`, {
      hint: `check the path behind \`${flag}\``,
    });
  }
}

/** Reads the keys that were named now, as a file that holds none is not worth the way to the cluster. Fails with `E_TRUSTED_KEY`. */
export async function checkGivenKeys({ files, localFiles }: World, { trustedKeys }: GivenOptions): Promise<void> {
  if (trustedKeys === undefined || trustedKeys === CLEAR) return;
  await readTrustedKeys(
    localFiles,
    trustedKeys.map((path) => placeOfGiven(files, path)),
  );
}
