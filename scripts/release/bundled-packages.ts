import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A package of which at least one module is in the executable. */
export interface BundledPackage {
  name: string;
  version: string;
  /** SPDX, as the package says it. */
  license: string;
  /** The whole text of its licence. */
  licenseText: string;
  /** The SHA-512 of its archive that `bun.lock` pins, in hex. */
  sha512: string;
}

/**
 * The packages in the executable, by name: what the bundler says that it took, so that neither one that only lends its types is
 * named, nor one that came with another is forgotten. Fails for a package without a licence text, or without a digest.
 */
export async function bundledPackages({ isFips }: { isFips: boolean }): Promise<BundledPackage[]> {
  const modules = await bundledModules(isFips);
  const folders = new Set(modules.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  if (folders.size === 0) throw new Error("no package is in the bundle: its list of modules is not understood");
  const digests = pinnedDigests(readFileSync("bun.lock", "utf8"));
  return [...folders].sort().map((folder) => readPackage(folder, digests));
}

/** The files whose code is in the executable, as paths from the root of the project. */
export async function bundledModules(isFips: boolean): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "modules-"));
  try {
    const argv = ["build", "--target=bun", "--splitting", "--format=esm", `--outdir=${folder}/out`];
    const conditions = isFips ? ["--conditions=fips"] : [];
    const metafile = join(folder, "meta.json");
    const child = Bun.spawn(
      [process.execPath, ...argv, ...conditions, `--metafile=${metafile}`, "src/bin/teleport-update.ts"],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const stderr = await child.stderr.text();
    if ((await child.exited) !== 0) throw new Error(`the bundle cannot be made:\n${stderr}`);
    const { outputs }: Metafile = await Bun.file(metafile).json();
    const taken = Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    );
    return [...new Set(taken)].sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the bundler writes, as far as it is read here. */
interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

/** The text of the licence in the folder of a package; fails where there is none. */
export function licenseTextIn(folder: string): string {
  const name = readdirSync(folder).find((entry) => /^(un)?licen[cs]e(\.(md|txt))?$/i.test(entry));
  const text = name === undefined ? "" : readFileSync(join(folder, name), "utf8").trim();
  if (text === "") throw new Error(`\`${folder}\` has no licence text: nobody may hand it on without`);
  return text;
}

function readPackage(folder: string, digests: ReadonlyMap<string, string>): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const sha512 = digests.get(`${name}@${version}`);
  if (typeof license !== "string") throw new Error(`\`${folder}\` does not say which licence it has`);
  if (sha512 === undefined) throw new Error(`bun.lock does not pin \`${name}@${version}\``);
  return { name, version, license, licenseText: licenseTextIn(folder), sha512 };
}

/** The SHA-512 of each package in hex, by `name@version`. Each stands in a line of its own. */
export function pinnedDigests(lock: string): Map<string, string> {
  const entries = lock.matchAll(/^ {4}"[^"]+": \["([^"]+)",.*"sha512-([A-Za-z0-9+/=]+)"\],?$/gm);
  return new Map(
    [...entries].map(([, name = "", digest = ""]) => [name, Buffer.from(digest, "base64").toString("hex")]),
  );
}
