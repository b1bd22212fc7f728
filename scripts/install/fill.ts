import { parseUpdaterName } from "../../src/mirror/updater-names.ts";

/** What the install script of one release knows. */
export interface InstallRelease {
  /** Strict semver, without a `v` in front. */
  version: string;
  /** Where the tarballs of this release are, an https URL; empty when only mirrors have them. */
  place: string;
  tarballs: readonly { name: string; sha256: string }[];
}

/**
 * The install script of a release: `scripts/install/install.sh` with its version, place and digests in it. Throws when the
 * template is another one, and for what would mean something else to a shell, or belongs to another release.
 */
export function fillInstallScript(template: string, { version, place, tarballs }: InstallRelease): string {
  demand(VERSION.test(version), `\`${version}\` is no version`);
  requirePlace(place);
  demand(tarballs.length > 0, "a script without tarballs installs nothing");
  const lines = tarballs
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => {
      demand(parseUpdaterName(name)?.version === version, `\`${name}\` is no tarball of ${version}`);
      demand(/^[0-9a-f]{64}$/.test(sha256), `\`${name}\` has no SHA-256`);
      return `${sha256}  ${name}`;
    });
  demand(new Set(tarballs.map(({ name }) => name)).size === lines.length, "a tarball is named twice");
  const blanks = { VERSION: version, PLACE: place, TARBALLS: lines.join("\n") };
  return Object.entries(blanks).reduce((text, [blank, value]) => {
    const parts = text.split(`\n${blank}='@${blank}@'\n`);
    demand(parts.length === 2, `the template has no line \`${blank}='@${blank}@'\``);
    return parts.join(`\n${blank}='${value}'\n`);
  }, template);
}

/** Throws for what a script cannot have as the place of its tarballs; empty, it has none. */
export function requirePlace(place: string): void {
  demand(place === "" || PLACE.test(place), `\`${place}\` is no https URL without user name, query and fragment`);
}

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const PLACE = /^https:\/\/[\w.~:/%+=,[\]-]+$/;

function demand(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Error(`the install script cannot be made: ${problem}`);
}
