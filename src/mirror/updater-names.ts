import type { Architecture } from "../release/address.ts";

/** The script by which a host without an updater gets one; it changes with every release of the updater. */
export const INSTALL_SCRIPT = "install.sh";

/** A tarball of the updater itself. */
export interface UpdaterTarball {
  name: string;
  /** Of the updater, strict semver. */
  version: string;
  architecture: Architecture;
  /** For hosts in FIPS mode. */
  isFips: boolean;
}

/** Reads the name of a tarball of the updater; undefined for any other name. */
export function parseUpdaterName(name: string): UpdaterTarball | undefined {
  const { version, architecture, fips } = TARBALL.exec(name)?.groups ?? {};
  if (version === undefined || (architecture !== "amd64" && architecture !== "arm64")) return undefined;
  return { name, version, architecture, isFips: fips !== undefined };
}

/** True for what a host gets its updater from, which has its checksum beside it as a release has. */
export function isOfUpdater(name: string): boolean {
  return name === INSTALL_SCRIPT || parseUpdaterName(name) !== undefined;
}

const TARBALL =
  /^teleport-update-v(?<version>\d+\.\d+\.\d+(-[0-9A-Za-z.-]+?)?)-linux-(?<architecture>[a-z0-9]+)(?<fips>-fips)?-bin\.tar\.gz$/;
