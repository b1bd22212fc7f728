import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { HOST_ARCHITECTURE } from "./elf-patch.ts";
import { must } from "./must.ts";

export interface OwnPackage {
  format: "deb" | "rpm";
  version: string;
  executable: string;
  /** Under the name of the FIPS variant. */
  isFips?: boolean;
}

/** Makes our own package of a program with `scripts/package.ts`, as fast as it goes, and answers its path in `directory`. */
export async function makeOwnPackage(
  directory: string,
  { format, version, executable, isFips = false }: OwnPackage,
): Promise<string> {
  const to = mkdtempSync(join(directory, "making-"));
  const named = [
    "--format",
    format,
    "--version",
    version,
    "--arch",
    HOST_ARCHITECTURE,
    "--executable",
    resolve(executable),
  ];
  await must([process.execPath, "scripts/package.ts", "--quick", "--to", to, ...named, ...(isFips ? ["--fips"] : [])]);
  const [name] = readdirSync(to).filter((found) => found.endsWith(`.${format}`));
  if (name === undefined) throw new Error(`no ${format} was made in \`${to}\``);
  renameSync(join(to, name), join(directory, name));
  rmSync(to, { recursive: true });
  return join(directory, name);
}
