import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillInstallScript } from "../../scripts/install/fill.ts";
import { must } from "./must.ts";

const TEMPLATE = "scripts/install/install.sh";

/** What a release of the updater publishes for hosts without one. */
export interface UpdaterRelease {
  /** The install script, as text. */
  script: string;
  /** By its end: `linux-amd64`, `linux-amd64-fips`. */
  tarballs: Record<string, { name: string; sha256: string }>;
}

interface UpdaterReleaseOptions {
  version: string;
  /** Path of the program that all tarballs hold, or a shell script in its place. */
  program: { path: string } | { script: string };
  /** Where the script fetches from when no mirror is named. */
  place?: string;
  /** By their end; `linux-amd64` alone when absent. */
  kinds?: readonly string[];
}

/** Makes install script, tarballs and checksums in `directory`, as `bun run release` does. Needs `tar` and `gzip`. */
export async function makeUpdaterRelease(
  directory: string,
  { version, program, place = "", kinds = ["linux-amd64"] }: UpdaterReleaseOptions,
): Promise<UpdaterRelease> {
  const work = mkdtempSync(join(tmpdir(), "updater-release-"));
  const tarballs: UpdaterRelease["tarballs"] = {};
  try {
    mkdirSync(join(work, "teleport-update"));
    const file = join(work, "teleport-update/teleport-update");
    if ("path" in program) copyFileSync(program.path, file);
    else writeFileSync(file, program.script);
    chmodSync(file, 0o755);
    for (const kind of kinds) {
      const name = `teleport-update-v${version}-${kind}-bin.tar.gz`;
      const packed = join(directory, name);
      await must([
        "tar",
        "-c",
        "-I",
        "gzip -1n",
        "-f",
        packed,
        "--owner=root",
        "--group=root",
        "--mtime=@0",
        "-C",
        work,
        "teleport-update",
      ]);
      tarballs[kind] = { name, sha256: checksum(directory, name) };
    }
  } finally {
    rmSync(work, { recursive: true });
  }
  const release = { version, place, tarballs: Object.values(tarballs) };
  const script = fillInstallScript(readFileSync(TEMPLATE, "utf8"), release);
  writeFileSync(join(directory, "install.sh"), script);
  checksum(directory, "install.sh");
  return { script, tarballs };
}

function checksum(directory: string, name: string): string {
  const sha256 = new Bun.CryptoHasher("sha256").update(readFileSync(join(directory, name))).digest("hex");
  writeFileSync(join(directory, `${name}.sha256`), `${sha256}  ${name}\n`);
  return sha256;
}
