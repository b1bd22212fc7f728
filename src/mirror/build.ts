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
import { type Attempt, mirrorInstaller } from "./mirror-installer.ts";
import { listOrigins, type Origin, officialOrigin } from "./origins.ts";
import { planBuild, type WantedArchive } from "./plan-build.ts";
import { type Asked, filesToPrune, prune } from "./prune.ts";
import { isPartOfMirror } from "./tree-files.ts";
import { lockTree } from "./tree-lock.ts";
import { INSTALL_SCRIPT, parseUpdaterName } from "./updater-names.ts";
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
  /** Where the updater itself and its install script come from; undefined when this run is not about them. */
  installer: Origin | undefined;
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
  failed: FailedFile[];
  /** Signatures of the tree that another took the place of. */
  resigned: string[];
  pruned: string[];
  /** That came in this run. */
  bytes: number;
}

export interface FailedFile {
  name: string;
  error: UpdateError;
  /** It lies in the tree as it did before: what failed is its proof, its signature for one. */
  isThere: boolean;
}

/** Failures that are of no single archive: the rest would fail alike. */
const OF_ALL: readonly ErrorCode[] = ["E_CANCELED", "E_NO_SPACE"];

/**
 * Brings all that is wished for into the tree, and writes the index after each archive. One that cannot be had does not stop the others,
 * but then nothing is pruned. What an interrupted run brought is kept, and the next run goes on from it; parts of archives that
 * nobody wants any more go at the end. Fails with `E_LOCK_BUSY`, as `planBuild` does, with `E_CANCELED` and `E_NO_SPACE`, and with `E_IO` when the
 * tree cannot be written.
 */
export async function buildMirror(world: World, request: BuildRequest): Promise<BuildReport> {
  const { directory, cluster, keep } = request;
  const advertised = cluster && (await askCluster(world, cluster));
  const origins = request.origins.length > 0 ? request.origins : [officialOrigin(world, advertised?.agpl ?? false)];
  const wanted = await plan(world, { ...request, origins }, advertised);
  const { localFiles: files } = world;
  using lock = await lockTree(world, directory);
  const path = join(directory, INDEX_FILE);
  const before = readIndex(files, path);
  const index = before ?? emptyIndex();
  const report: BuildReport = { fetched: [], present: [], failed: [], resigned: [], pruned: [], bytes: 0 };
  const writeIndex = () => {
    files.writeFile(path, formatIndex({ ...index, written: world.clock.now().toISOString() }));
  };
  try {
    await mirrorAll(world, { ...request, origins }, { index, writeIndex, wanted, report });
    if (report.failed.length === 0) {
      removeParts(files, directory);
      const old = keep === undefined ? [] : filesToPrune(index, keep, askedBy(wanted, report));
      report.pruned = prune(world, directory, index, old);
    }
  } finally {
    if (before !== undefined || hasAnything(files, directory, index)) writeIndex();
    else {
      files.removeFile(path);
      lock.undo();
    }
  }
  return report;
}

/** A folder that is no mirror yet becomes one only by what it gets, and be it a part. */
function hasAnything(files: World["localFiles"], directory: string, index: MirrorIndex): boolean {
  return Object.keys(index.files).length > 0 || (files.list(directory) ?? []).some(isPartOfMirror);
}

/** With all that was wanted in its place, what is left on its way is of a release or an updater that was wanted before. */
function removeParts(files: World["localFiles"], directory: string): void {
  for (const name of files.list(directory) ?? []) {
    if (isPartOfMirror(name)) files.removeFile(join(directory, name));
  }
}

function askedBy(wanted: readonly WantedArchive[], { fetched, present }: BuildReport): Asked {
  return {
    releases: new Set(wanted.map(({ revision }) => formatRevision(revision))),
    updaters: new Set([...fetched, ...present].flatMap((name) => parseUpdaterName(name)?.version ?? [])),
  };
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
  { versions, editions, architectures, origins, installer, keep, digest }: BuildRequest,
  advertised: FindAnswer | undefined,
): Promise<WantedArchive[]> {
  if (installer !== undefined && versions.length === 0 && advertised === undefined) return [];
  const listed = versions.some(({ kind }) => kind === "range") ? await listOrigins(log, origins) : [];
  const ofCluster = advertised?.flags ?? EDITIONS.oss;
  const wishes = { versions, advertised, architectures, keep, digest };
  return planBuild({ ...wishes, editions: editions.length > 0 ? editions : [ofCluster] }, listed);
}

interface BuiltTree {
  index: MirrorIndex;
  writeIndex(): void;
  wanted: readonly WantedArchive[];
  report: BuildReport;
}

async function mirrorAll(
  world: World,
  request: BuildRequest,
  { index, writeIndex, wanted, report }: BuiltTree,
): Promise<void> {
  const { directory, demands, signer, replaceSignatures, origins, installer, architectures, jobs } = request;
  const { terminal, log } = world;
  const building = {
    directory,
    index,
    demands,
    signatures: { signer, replace: replaceSignatures },
    resigned: report.resigned,
    // A bar is one line, which several downloads cannot share.
    progress: () =>
      terminal === undefined || Math.min(jobs, wanted.length) > 1 ? progressLines(log) : progressBar(terminal),
  };
  const sources = origins.map(({ source }) => source);
  const isThere = (name: string) =>
    index.files[name] !== undefined && world.localFiles.stat(join(directory, name))?.size === index.files[name].bytes;
  const attempt = attemptsOf(log, report, { writeIndex, isThere });
  await inParallel(wanted, jobs, async ({ name, revision, pinned }) => {
    const file = { name, release: formatRevision(revision), pinned };
    await attempt(name, () => mirrorArchive(world, { ...building, sources }, file));
  });
  if (installer === undefined) return;
  const from = { source: installer.source, architectures };
  await attempt(INSTALL_SCRIPT, () => mirrorInstaller(world, building, from, attempt));
}

interface TreeInWork {
  writeIndex(): void;
  isThere(name: string): boolean;
}

function attemptsOf(log: World["log"], report: BuildReport, { writeIndex, isThere }: TreeInWork): Attempt {
  return async (name, work) => {
    try {
      const bytes = await work();
      report[bytes === undefined ? "present" : "fetched"].push(name);
      report.bytes += bytes ?? 0;
      if (bytes !== undefined) writeIndex();
      log.info(bytes === undefined ? "The file is there already." : "The file is in the mirror.", { file: name });
      return true;
    } catch (error) {
      if (!isUpdateError(error) || OF_ALL.includes(error.code)) throw error;
      // What the system refuses may be this file or the whole tree: the index shows which.
      if (error.code === "E_IO") writeIndex();
      const failed = { name, error, isThere: isThere(name) };
      report.failed.push(failed);
      const { code, message, hint } = error;
      const what = failed.isThere ? "A file of the mirror stays as it was." : "A file is not in the mirror.";
      log.error(what, { file: name, code, error: message, hint });
      return false;
    }
  };
}

function emptyIndex(): MirrorIndex {
  return { kind: "teleport_mirror", version: "v1", written: "", files: {} };
}
