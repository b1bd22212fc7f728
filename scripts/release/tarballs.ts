import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ArchivedFile, gzip, makeTar, zstd } from "./archive.ts";
import type { BundledPackage } from "./bundled-packages.ts";
import { companions } from "./companions.ts";
import { thirdPartyNotices } from "./notices.ts";
import type { ReleasePlan } from "./release-plan.ts";
import { installNotes, unpackedReadme } from "./texts.ts";
import { executableOf, type Variant, variantName } from "./variants.ts";

/** A tarball, by its names of both compressions, and the folder that it unpacks to. */
export interface Tarball {
  variant: Variant;
  gzip: string;
  zstd: string;
  topFolder: string;
}

/** Bytes that a tarball may have. */
export const LIMITS = { gzip: 55e6, zstd: 45e6 } as const;

/**
 * The tarballs of a variant: one with the name of the downloads page, and for the machine of most hosts one with the name that
 * the page for operators tells to unpack.
 */
export function tarballsOf(variant: Variant, version: string): Tarball[] {
  const name = `teleport-update-v${version}-linux-${variantName(variant)}-bin`;
  const forDownloads = { variant, gzip: `${name}.tar.gz`, zstd: `${name}.tar.zst`, topFolder: "teleport-update" };
  if (variantName(variant) !== "amd64") return [forDownloads];
  const topFolder = `teleport-update-${version}`;
  return [forDownloads, { variant, gzip: `${topFolder}.tgz`, zstd: `${topFolder}.tar.zst`, topFolder }];
}

/** What tests choose, as the compression of a whole release takes minutes. */
interface Packing {
  executable: string;
  compressions: readonly (keyof typeof LIMITS)[];
  limits: Record<keyof typeof LIMITS, number>;
}

const COMPRESSORS = { gzip, zstd } as const;

/** Writes the tarballs of a variant. Fails when one is above its limit. */
export async function writeTarballs(
  { version, date, folder }: Pick<ReleasePlan, "version" | "date" | "folder">,
  variant: Variant,
  packages: readonly BundledPackage[],
  packing: Partial<Packing> = {},
): Promise<void> {
  const { executable = executableOf(variant), compressions = ["gzip", "zstd"], limits = LIMITS } = packing;
  const files = archivedFiles({ version, date }, variant, packages, executable);
  for (const tarball of tarballsOf(variant, version)) {
    const tar = await makeTar(tarball.topFolder, files, date);
    for (const compression of compressions) {
      const [name, limit] = [tarball[compression], limits[compression]];
      const bytes = await COMPRESSORS[compression](tar);
      if (bytes.length > limit) throw new Error(`\`${name}\` has ${bytes.length} bytes, and ${limit} is the most`);
      await Bun.write(join(folder, name), bytes);
    }
  }
}

function archivedFiles(
  { version, date }: Pick<ReleasePlan, "version" | "date">,
  variant: Variant,
  packages: readonly BundledPackage[],
  executable: string,
): ArchivedFile[] {
  const runtimeNotice = readFileSync(join(import.meta.dir, "bun-notice.txt"), "utf8");
  const texts: Record<string, string> = {
    "INSTALL.md": installNotes(variant),
    LICENSE: readFileSync("LICENSE", "utf8"),
    "README.md": unpackedReadme(version, variant),
    "THIRD-PARTY-NOTICES.txt": thirdPartyNotices(packages, runtimeNotice),
    ...companions(date),
  };
  return [
    ...Object.entries(texts).map(([path, content]): ArchivedFile => ({ path, mode: 0o644, content })),
    { path: "teleport-update", mode: 0o755, content: readFileSync(executable) },
  ];
}
