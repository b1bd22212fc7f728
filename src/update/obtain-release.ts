import { dirname, join } from "node:path";
import { fileChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import { findOpenPlaces } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import { progressBar, progressLines } from "../release/progress.ts";
import { type Proof, proveDigest } from "../release/proof.ts";
import { describeProof, isNews, proofRecord, readProof } from "../release/proof-record.ts";
import { stageRelease } from "../release/stage.ts";
import { installedState } from "../release/store.ts";
import { takeProven } from "../release/take-proven.ts";
import { verifyVersion } from "../release/verify-version.ts";
import { PROOF_FILE } from "../release/version-files.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";
import { programPlaces } from "./program-places.ts";
import { dropStaging } from "./staging.ts";
import type { WantedRelease } from "./wanted-release.ts";

/** A proven release, wherever it lies now, and the changes that bring it to its place among the versions. */
export interface ObtainedRelease extends AsyncDisposable {
  /** Where its files can be looked at now: in staging, or in place already. */
  directory: string;
  changes: Change[];
  /** By what it was accepted, in words. */
  proof: string;
}

interface ReleaseRequest {
  namespace: Namespace;
  target: Revision;
  release: WantedRelease;
  /** A link leads into the copy that is installed, so it may not be replaced (installer-systemd §1.5 step 2). */
  isLinked: boolean;
  /** Called once it is known that the release can be had, before the first of it is written. */
  makeRoom: () => Promise<void>;
}

/**
 * Makes sure that the release of a revision lies on this host with the checksum that the CDN names now, downloading it
 * unless it is there (installer-systemd §1.5). Writes in staging only; disposing removes what was staged. What may be tried
 * again, and at which place, is for `takeProven`.
 */
export async function obtainRelease(world: World, request: ReleaseRequest): Promise<ObtainedRelease> {
  const { name, source, demands } = request.release;
  return takeProven(source, world.log, {
    prove: (believed) => proveDigest(source, name, { ...demands, believed }, world.log),
    take: (proof) => stage(world, request, proof),
  });
}

async function stage(world: World, request: ReleaseRequest, proof: Proof): Promise<ObtainedRelease> {
  const { namespace, target, release, makeRoom } = request;
  const { name, source } = release;
  const place = versionDirectory(namespace, target);
  const stored = installedState(world.files, namespace, target, proof.sha256);
  const state = stored === "present" ? await lookAtPresent(world, place) : stored;
  if (state === "present") {
    await makeRoom();
    world.log.info("Version already present.", { version: formatRevision(target) });
    const changes = noteStrongerProof(world, place, proof);
    return { directory: place, changes, proof: describeProof(proof), async [Symbol.asyncDispose]() {} };
  }
  if (state !== "absent") refuseOrWarn(world, request, state);

  const progress = world.terminal === undefined ? progressLines(world.log) : progressBar(world.terminal);
  const wanted = { namespace, revision: target, source, name, proof };
  const staged = await stageRelease(world, { ...wanted, progress, makeRoom });
  return {
    directory: staged.directory,
    proof: describeProof(proof),
    changes: [...makeWay(world, place, staged.directory), { kind: "move", from: staged.directory, to: place }],
    [Symbol.asyncDispose]: async () => dropStaging(world, namespace, dirname(staged.directory)),
  };
}

/** A copy that was taken on less, and whose archive now shows a signature, is one that is signed. */
function noteStrongerProof({ files, clock }: World, place: string, proof: Proof): Change[] {
  const before = readProof(files, place);
  if (before === undefined || !isNews(proof, before)) return [];
  return fileChanges(files, join(place, PROOF_FILE), proofRecord(proof, clock.now()));
}

/**
 * A copy is only as good as its files: one that others may have changed, or that reads otherwise than it was installed, is
 * not linked again, whatever checksum lies in it.
 */
async function lookAtPresent({ files, log, signal }: World, place: string): Promise<"present" | "open" | "changed"> {
  if (findOpenPlaces(files, programPlaces(files, place)).length > 0) return "open";
  const verdict = await verifyVersion(files, place, signal);
  if (verdict.state !== "damaged") return "present";
  for (const problem of verdict.problems.slice(0, PROBLEMS_TOLD))
    log.warn("The installed copy is damaged.", { problem });
  return "changed";
}

const PROBLEMS_TOLD = 5;

const FAULTS = {
  mismatched: "differs from the release that the CDN offers now",
  damaged: "has no readable checksum",
  open: "may have been changed by others than root",
  changed: "is not as it was installed",
};

function refuseOrWarn(world: World, { target, isLinked }: ReleaseRequest, state: keyof typeof FAULTS): void {
  const version = formatRevision(target);
  const what = FAULTS[state];
  if (!isLinked) {
    world.log.warn("The installed copy of this version is replaced.", { version, reason: what });
    return;
  }
  throw new UpdateError(
    "E_STILL_LINKED",
    `refusing to replace version ${version}: its installed copy ${what}, and it is linked`,
    {
      hint: "move the host to another version first, then back to this one: `teleport-update enable --force-version OTHER`, then `teleport-update enable`",
    },
  );
}

/** A broken copy, or the left-overs of another updater, go to staging, where a roll back finds them. */
function makeWay(world: World, place: string, staged: string): Change[] {
  if (world.files.stat(place) === undefined) return [];
  return [{ kind: "move", from: place, to: join(dirname(staged), "replaced") }];
}
