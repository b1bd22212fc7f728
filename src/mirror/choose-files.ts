import { UpdateError } from "../platform/errors.ts";
import { splitRelease } from "./archive-names.ts";
import type { MirrorIndex } from "./index-file.ts";
import type { BundledFile } from "./manifest.ts";
import { isWithin, parseVersionWish, type VersionWish } from "./versions.ts";

/**
 * The files of `versions`, each like `18.4.1` for all its editions, `18.4.1+Enterprise` or `18.4.1+Enterprise+FIPS` for one, or a range as
 * `mirror build` takes it, and those of the mirror itself, such as its install script; every file when no version is named. Fails with `E_MIRROR` for one
 * that the tree has not.
 */
export function chooseFiles({ files }: MirrorIndex, tree: string, versions: readonly string[]): BundledFile[] {
  const all = Object.entries(files).map(([name, file]): BundledFile => ({ name, ...file }));
  if (versions.length === 0) return all;
  const releases = [...new Set(all.flatMap(({ release }) => release ?? []))];
  const wishes = versions.map(readWish);
  const missing = wishes.filter((wish) => !releases.some((release) => isWanted(release, wish)));
  if (missing.length > 0) {
    const named = missing.map(({ text }) => `\`${text}\``).join(", ");
    throw new UpdateError("E_MIRROR", `\`${tree}\` has no release ${named}`, {
      hint: `it has ${releases.length === 0 ? "none" : releases.join(", ")}; fetch another with \`mirror build --version\``,
    });
  }
  return all.filter(({ release }) => release === undefined || wishes.some((wish) => isWanted(release, wish)));
}

interface ReleaseWish {
  /** As it was given. */
  text: string;
  versions: VersionWish;
  /** Empty for all of them. */
  edition: string;
}

function readWish(text: string): ReleaseWish {
  const { version, edition } = splitRelease(text.trim());
  return { text, versions: parseVersionWish(version), edition };
}

function isWanted(release: string, wish: ReleaseWish): boolean {
  const { version, edition } = splitRelease(release);
  if (wish.edition !== "" && wish.edition !== edition) return false;
  return wish.versions.kind === "range" ? isWithin(version, wish.versions) : wish.versions.version === version;
}
