import { join } from "node:path";
import { sha256 } from "#variant/digest";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { type Proof, proveDigest } from "../release/proof.ts";
import type { ReleaseSource } from "../release/source.ts";
import { parseInstallScript, SCRIPT_LIMIT } from "./install-script.ts";
import { type Building, mirrorArchive } from "./mirror-archive.ts";
import { originOf, placeProofFiles, signatureOf } from "./proof-files.ts";
import { placeText } from "./tree-files.ts";
import { INSTALL_SCRIPT } from "./updater-names.ts";

type InstallerWorld = Pick<World, "localFiles" | "clock" | "log" | "signal">;

/** Does the work for one file and reports how it ended; answers whether the file is there. Its result is that of `mirrorArchive`. */
export type Attempt = (name: string, work: () => Promise<number | undefined>) => Promise<boolean>;

/**
 * Brings the updater itself into the tree: the tarballs for these processors that the install script at `source` names, with the
 * digests that it names, and once they are all there the script. Answers the bytes of the script; undefined when it was there.
 * Fails with `E_MIRROR` when a tarball is missing, and as `proveDigest` does.
 */
export async function mirrorInstaller(
  world: InstallerWorld,
  building: Omit<Building, "sources">,
  { source, architectures }: { source: ReleaseSource; architectures: readonly Architecture[] },
  attempt: Attempt,
): Promise<number | undefined> {
  const place = source.locate(INSTALL_SCRIPT);
  const text = await readScript(source);
  const wanted = parseInstallScript(text, place).filter(({ architecture }) => architectures.includes(architecture));
  const demands = { ...building.demands, pinned: [], isForMirror: true };
  const proof = await proveDigest(source, INSTALL_SCRIPT, demands, world.log);
  requireDigest(text, place, proof.sha256);

  const missing: string[] = [];
  for (const { name, sha256 } of wanted) {
    const file = { name, pinned: [{ sha256, by: `\`${place}\`` }] };
    const isThere = await attempt(name, () => mirrorArchive(world, { ...building, sources: [source] }, file));
    if (!isThere) missing.push(name);
  }
  if (wanted.length === 0 || missing.length > 0) throw incomplete(place, missing, architectures);
  return placeScript(world, building, { source, text, proof });
}

async function readScript(source: ReleaseSource): Promise<string> {
  const found = await source.readText(INSTALL_SCRIPT, SCRIPT_LIMIT);
  if (found !== undefined) return found.text;
  throw new UpdateError("E_MIRROR", `there is no install script \`${source.locate(INSTALL_SCRIPT)}\``, {
    hint: "name the folder that a release of the updater was made in, or another mirror that has one, with `--installer`",
  });
}

function requireDigest(text: string, place: string, wanted: string): void {
  const found = digestOf(text);
  if (found === wanted) return;
  throw new UpdateError("E_CHECKSUM", `\`${place}\` has the SHA-256 ${found}, and its checksum says ${wanted}`, {
    hint: "it was damaged or changed: take it from its publisher again, or name another place with `--installer`",
  });
}

/** The script of an older updater gives way to that of a newer one: unlike a release it has no version in its name. */
async function placeScript(
  world: InstallerWorld,
  building: Omit<Building, "sources">,
  { source, text, proof }: { source: ReleaseSource; text: string; proof: Proof },
): Promise<number | undefined> {
  const { directory, index } = building;
  const name = INSTALL_SCRIPT;
  const before = index.files[name];
  const isThere = before?.sha256 === proof.sha256 && before.origin !== undefined;
  if (before === undefined && world.localFiles.stat(join(directory, name)) !== undefined) throw inTheWay(directory);
  const signature = await signatureOf(world, building, { name, source, sha256: proof.sha256 });
  const origin = isThere && before.origin ? before.origin : originOf(proof, world.clock.now());
  const placed = await placeText(world.localFiles, { directory, name }, text, proof.published);
  index.files[name] = { ...placed, origin };
  await placeProofFiles(world, building, name, { proof, signature, entry: { origin } });
  return isThere ? undefined : placed.bytes;
}

function incomplete(place: string, missing: readonly string[], architectures: readonly Architecture[]): UpdateError {
  const why =
    missing.length > 0
      ? `of the tarballs that it names these are missing: ${missing.map((name) => `\`${name}\``).join(", ")}`
      : `it names no tarball for ${architectures.join(", ")}`;
  return new UpdateError("E_MIRROR", `\`${place}\` is not taken: ${why}`, {
    hint: "mend the place, or name another with `--installer`, or other processors with `--arch`",
  });
}

function inTheWay(directory: string): UpdateError {
  const path = join(directory, INSTALL_SCRIPT);
  return new UpdateError("E_MIRROR", `\`${path}\` is in the way: the index does not name it`, {
    hint: `look at it, and move it away: \`mv ${path} ${path}.old\``,
  });
}

function digestOf(text: string): string {
  return Buffer.from(sha256(Buffer.from(text))).toString("hex");
}
