import { join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { failOver } from "../release/fail-over.ts";
import type { Progress } from "../release/progress.ts";
import { type Proof, type ProofDemands, proveDigest } from "../release/proof.ts";
import type { ReleaseSource } from "../release/source.ts";
import { takeProven } from "../release/take-proven.ts";
import { fetchArchive } from "./fetch-archive.ts";
import { fileDigest } from "./file-digest.ts";
import type { MirrorFile } from "./index-file.ts";
import { originOf, type ProofFiles, placeProofFiles, signatureOf } from "./proof-files.ts";

/** The tree that is built, and what it is built from; whoever began writes the index. */
export interface Building extends ProofFiles {
  sources: readonly ReleaseSource[];
  progress(): Progress;
}

/** A file that never changes once it is published, and the digests that it must have. */
export interface WantedFile {
  name: string;
  /** As in the index; absent for what is of the mirror itself. */
  release?: string;
  pinned: ProofDemands["pinned"];
}

type BuildWorld = Pick<World, "localFiles" | "clock" | "log" | "signal">;

/**
 * Brings one archive into the tree with its signature and its checksum, in this order: who finds a checksum finds all. What is
 * there already and has the proven digest is not fetched again. A place that gives other bytes than were proven is passed over for
 * the next. Answers the bytes that came; undefined when it was there.
 */
export async function mirrorArchive(
  world: BuildWorld,
  building: Building,
  wanted: WantedFile,
): Promise<number | undefined> {
  const { directory, index, demands, sources } = building;
  const { name, pinned } = wanted;
  const source = failOver(sources, world.log);
  return takeProven(source, world.log, {
    async prove(believed) {
      const proof = await proveDigest(source, name, { ...demands, pinned, believed, isForMirror: true }, world.log);
      refuseOther(join(directory, name), index.files[name], proof);
      return proof;
    },
    take: (proof) => place(world, building, wanted, { source, proof }),
  });
}

async function place(
  world: BuildWorld,
  building: Building,
  { name, release }: WantedFile,
  { source, proof }: { source: ReleaseSource; proof: Proof },
): Promise<number | undefined> {
  const { directory, index, progress } = building;
  const { localFiles: files, clock } = world;
  const { sha256 } = proof;
  const state = await stateOf(world, directory, name, index.files[name], sha256);
  const signature = await signatureOf(world, building, { name, source, sha256 });
  const fetched =
    state === "absent"
      ? await fetchArchive(world, { directory, name, source, sha256, progress: progress() })
      : undefined;

  const origin = originOf({ ...proof, place: fetched?.place ?? proof.place }, clock.now());
  const entry = { ...(release !== undefined && { release }), origin };
  await placeProofFiles(world, building, name, { proof, signature, entry });
  const before = index.files[name];
  const bytes = files.stat(join(directory, name))?.size ?? 0;
  index.files[name] = state === "present" && before?.origin ? before : { sha256, bytes, ...entry };
  return fetched?.bytes;
}

/** A release never changes: fails with `E_CHECKSUM` when the archive was taken with another digest before. */
function refuseOther(path: string, known: MirrorFile | undefined, proof: Proof): void {
  if (known !== undefined && known.sha256 !== proof.sha256) {
    throw new UpdateError(
      "E_CHECKSUM",
      `\`${path}\` was taken with the SHA-256 ${known.sha256}, and \`${proof.place}\` has ${proof.sha256} by now`,
      {
        hint: `a release never changes: find out which one is meant; to take the new one, \`rm ${path}*\` and remove its lines in \`index.json\``,
      },
    );
  }
}

/**
 * Whether the archive lies in the tree as it was proven now. A damaged one of ours counts as absent. Fails with `E_MIRROR` when it
 * is somebody else's file.
 */
async function stateOf(
  { localFiles: files, log, signal }: BuildWorld,
  directory: string,
  name: string,
  known: MirrorFile | undefined,
  sha256: string,
): Promise<"present" | "absent"> {
  const path = join(directory, name);
  const found = files.stat(path);
  if (found === undefined) return "absent";
  if (found.kind === "file" && (await fileDigest(files, path, signal)) === sha256) return "present";
  if (known === undefined || found.kind !== "file") {
    throw new UpdateError("E_MIRROR", `\`${path}\` is in the way: it is another file than the release of that name`, {
      hint: `look at it, and move it away: \`mv ${path} ${path}.old\``,
    });
  }
  log.warn("A damaged file is fetched again.", { path });
  return "absent";
}
