import { join } from "node:path";
import { type FindRequest, findTarget } from "../cluster/find.ts";
import type { FindAnswer } from "../cluster/find-answer.ts";
import { type ErrorCode, isUpdateError, UpdateError } from "../platform/errors.ts";
import type { P256Signer } from "../platform/p256-signer.ts";
import type { World } from "../platform/world.ts";
import type { Architecture } from "../release/address.ts";
import { progressBar, progressLines } from "../release/progress.ts";
import type { ProofDemands } from "../release/proof.ts";
import { formatRevision, type RevisionFlag } from "../settings/revision.ts";
import { EDITIONS } from "./archive-names.ts";
import { inParallel } from "./in-parallel.ts";
import { formatIndex, INDEX_FILE, type MirrorIndex, readIndex } from "./index-file.ts";
import { mirrorArchive } from "./mirror-archive.ts";
import { listOrigins, type Origin, officialOrigin } from "./origins.ts";
import { planBuild, type WantedArchive } from "./plan-build.ts";
import { prune, releasesToPrune } from "./prune.ts";
import { lockTree } from "./tree-lock.ts";
import type { VersionWish } from "./versions.ts";

export interface BuildRequest {
  /** The tree; made when missing. */
  directory: string;
  versions: readonly VersionWish[];
  /** The cluster whose version is wanted too. */
  cluster: Omit<FindRequest, "updaterId"> | undefined;
  /** By their flags; empty: the cluster's, else the community edition. */
  editions: readonly (readonly RevisionFlag[])[];
  architectures: readonly Architecture[];
  /** In order; empty: the official CDN. */
  origins: readonly Origin[];
  /** Lower-case hex, of the one archive that is wanted; empty without. */
  digest: string;
  demands: Omit<ProofDemands, "pinned">;
  /** The key of the site. */
  signer: P256Signer | undefined;
  replaceSignatures: boolean;
  jobs: number;
  /** How many versions of each edition stay. */
  keep: number | undefined;
}

/** What a build did, by the names of files. */
export interface BuildReport {
  fetched: string[];
  /** There before, and as they were proven now. */
  present: string[];
  failed: { name: string; error: UpdateError }[];
  pruned: string[];
  /** That came in this run. */
  bytes: number;
}

/** Failures that are of no single archive: the rest would fail alike. */
const OF_ALL: readonly ErrorCode[] = ["E_CANCELED", "E_NO_SPACE", "E_IO"];

/**
 * Brings all that is wished for into the tree, and writes the index last. An archive that cannot be had does not stop the others,
 * but then nothing is pruned. What an interrupted run brought is kept, and the next run goes on from it. Fails with `E_LOCK_BUSY`, as
 * `planBuild` does, and with `E_CANCELED`, `E_NO_SPACE` and `E_IO`.
 */
export async function buildMirror(world: World, request: BuildRequest): Promise<BuildReport> {
  const { directory, cluster, keep } = request;
  const advertised = cluster && (await askCluster(world, cluster));
  const origins = request.origins.length > 0 ? request.origins : [officialOrigin(world, advertised?.agpl ?? false)];
  const wanted = await plan(world, { ...request, origins }, advertised);
  const { localFiles: files } = world;
  using _ = await lockTree(world, directory);
  const path = join(directory, INDEX_FILE);
  const index = readIndex(files, path) ?? emptyIndex();
  const report: BuildReport = { fetched: [], present: [], failed: [], pruned: [], bytes: 0 };
  try {
    await mirrorAll(world, { ...request, origins }, { index, wanted, report });
    if (keep !== undefined && report.failed.length === 0) {
      const asked = new Set(wanted.map(({ revision }) => formatRevision(revision)));
      report.pruned = prune(world, directory, index, releasesToPrune(index, keep, asked));
    }
  } finally {
    files.writeFile(path, formatIndex({ ...index, written: world.clock.now().toISOString() }));
  }
  return report;
}

async function askCluster(world: World, cluster: NonNullable<BuildRequest["cluster"]>): Promise<FindAnswer> {
  const answer = await findTarget(world, { ...cluster, updaterId: "" });
  if (answer.target.version !== "") return answer;
  throw new UpdateError("E_NO_TARGET", `\`${cluster.proxy}\` advertises no agent version`, {
    hint: "name the versions with `--version`, or turn managed updates on in the cluster",
  });
}

async function plan(
  { log }: World,
  { versions, editions, architectures, origins, keep, digest }: BuildRequest,
  advertised: FindAnswer | undefined,
): Promise<WantedArchive[]> {
  const listed = versions.some(({ kind }) => kind === "range") ? await listOrigins(log, origins) : [];
  const ofCluster = advertised?.flags ?? EDITIONS.oss;
  const wishes = { versions, advertised, architectures, keep, digest };
  return planBuild({ ...wishes, editions: editions.length > 0 ? editions : [ofCluster] }, listed);
}

async function mirrorAll(
  world: World,
  request: BuildRequest,
  { index, wanted, report }: { index: MirrorIndex; wanted: readonly WantedArchive[]; report: BuildReport },
): Promise<void> {
  const { directory, demands, signer, replaceSignatures, origins, jobs } = request;
  const { terminal, log } = world;
  const building = {
    directory,
    index,
    demands,
    signatures: { signer, replace: replaceSignatures },
    sources: origins.map(({ source }) => source),
    // A bar is one line, which several downloads cannot share.
    progress: () => (terminal === undefined || jobs > 1 ? progressLines(log) : progressBar(terminal)),
  };
  await inParallel(wanted, jobs, async (archive) => {
    const { name } = archive;
    try {
      const bytes = await mirrorArchive(world, building, archive);
      report[bytes === undefined ? "present" : "fetched"].push(name);
      report.bytes += bytes ?? 0;
      log.info(bytes === undefined ? "The archive is there already." : "The archive is in the mirror.", { file: name });
    } catch (error) {
      if (!isUpdateError(error) || OF_ALL.includes(error.code)) throw error;
      report.failed.push({ name, error });
      log.error("An archive is not in the mirror.", {
        file: name,
        code: error.code,
        error: error.message,
        hint: error.hint,
      });
    }
  });
}

function emptyIndex(): MirrorIndex {
  return { kind: "teleport_mirror", version: "v1", written: "", files: {} };
}
