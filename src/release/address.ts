import { UpdateError } from "../platform/errors.ts";
import type { Revision } from "../settings/revision.ts";

/** Processor names as in the addresses of releases. */
export type Architecture = "amd64" | "arm64" | "386" | "arm";

export type System = "linux" | "darwin" | "windows";

/** The one top folder of a release's archive (installer-systemd §1.4). */
export function archiveFolder({ flags }: Revision): "teleport" | "teleport-ent" {
  return flags.length > 0 ? "teleport-ent" : "teleport";
}

/** The name that releases have for a processor of `process.arch`; fails with `E_PROGRAM` where no release is made for it. */
export function goArchitecture(processor: string): Architecture {
  const known = ARCHITECTURES[processor];
  if (known !== undefined) return known;
  throw new UpdateError("E_PROGRAM", `no release is made for the processor \`${processor}\``, {
    hint: `use a host with one of ${Object.keys(ARCHITECTURES).join(", ")}`,
  });
}

const ARCHITECTURES: Record<string, Architecture> = { x64: "amd64", arm64: "arm64", ia32: "386", arm: "arm" };

/** The file name of a release's archive (updater-core §5.2). Nothing is checked: the version was when it was read. */
export function archiveName(revision: Revision, os: System, architecture: Architecture): string {
  const edition = archiveFolder(revision);
  const fips = revision.flags.includes("FIPS") ? "-fips" : "";
  switch (os) {
    case "linux":
      return `${edition}-v${revision.version}-linux-${architecture}${fips}-bin.tar.gz`;
    case "darwin":
      return `${edition}-${revision.version}.pkg`;
    case "windows":
      return `teleport-v${revision.version}-windows-amd64-bin.zip`;
  }
}
