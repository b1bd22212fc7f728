import { UpdateError } from "../platform/errors.ts";
import { parseUpdaterName, type UpdaterTarball } from "./updater-names.ts";

/** The largest script that is read; one has some 15 KB. */
export const SCRIPT_LIMIT = 1 << 17;

/** A tarball by its name, and the digest that it must have. */
export type NamedTarball = UpdaterTarball & { sha256: string };

/**
 * Reads what was filled into the install script of a release: the tarballs that it fetches, all of one version. `place` is for
 * messages. Fails with `E_MIRROR`.
 */
export function parseInstallScript(text: string, place: string): NamedTarball[] {
  const version = /^VERSION='([^']*)'$/m.exec(text)?.[1];
  const lines = /^TARBALLS='([^']*)'$/m.exec(text)?.[1]?.split("\n") ?? [];
  const tarballs = lines.flatMap((line) => {
    const [, sha256 = "", name = ""] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
    const tarball = parseUpdaterName(name);
    return tarball?.version === version && tarball !== undefined ? [{ ...tarball, sha256 }] : [];
  });
  if (tarballs.length > 0 && tarballs.length === lines.length) return tarballs;
  throw notOfRelease(place);
}

function notOfRelease(place: string): UpdateError {
  return new UpdateError(
    "E_MIRROR",
    `\`${place}\` is no install script of a release: it names no tarballs and digests`,
    {
      hint: "name the folder that a release of the updater was made in, or another mirror that has one, with `--installer`",
    },
  );
}
