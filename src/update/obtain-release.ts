import { dirname, join } from "node:path";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { archiveUrl, goArchitecture } from "../release/address.ts";
import { fetchChecksum } from "../release/checksum.ts";
import { progressBar, progressLines } from "../release/progress.ts";
import { stageRelease } from "../release/stage.ts";
import { installedState } from "../release/store.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { formatRevision, type Revision } from "../settings/revision.ts";
import { dropStaging } from "./staging.ts";

/** A proven release, wherever it lies now, and the changes that bring it to its place among the versions. */
export interface ObtainedRelease extends AsyncDisposable {
  /** Where its files can be looked at now: in staging, or in place already. */
  directory: string;
  changes: Change[];
}

interface ReleaseRequest {
  namespace: Namespace;
  target: Revision;
  baseUrl: string;
  /** A link leads into the copy that is installed, so it may not be replaced (installer-systemd §1.5 step 2). */
  isLinked: boolean;
}

/**
 * Makes sure that the release of a revision lies on this host with the checksum that the CDN names now, downloading it
 * unless it is there (installer-systemd §1.5). Writes in staging only; disposing removes what was staged.
 */
export async function obtainRelease(world: World, request: ReleaseRequest): Promise<ObtainedRelease> {
  const { namespace, target } = request;
  const place = versionDirectory(namespace, target);
  const architecture = goArchitecture(process.arch);
  const url = archiveUrl({ baseUrl: request.baseUrl, revision: target, os: "linux", architecture });
  const sha256 = await fetchChecksum(world, url);
  const state = installedState(world.files, namespace, target, sha256);
  if (state === "present") {
    world.log.info("Version already present.", { version: formatRevision(target) });
    return { directory: place, changes: [], async [Symbol.asyncDispose]() {} };
  }
  if (state !== "absent") refuseOrWarn(world, request, state);

  const progress = world.terminal === undefined ? progressLines(world.log) : progressBar(world.terminal);
  const staged = await stageRelease(world, { namespace, revision: target, url, sha256, progress });
  return {
    directory: staged.directory,
    changes: [...makeWay(world, place, staged.directory), { kind: "move", from: staged.directory, to: place }],
    [Symbol.asyncDispose]: async () => dropStaging(world, namespace, dirname(staged.directory)),
  };
}

function refuseOrWarn(world: World, { target, isLinked }: ReleaseRequest, state: "mismatched" | "damaged"): void {
  const version = formatRevision(target);
  const what = state === "mismatched" ? "differs from the release that the CDN offers now" : "has no readable checksum";
  if (!isLinked) {
    world.log.warn("The installed copy of this version is replaced.", { version, reason: what });
    return;
  }
  throw new UpdateError(
    "E_STILL_LINKED",
    `refusing to replace version ${version}: its installed copy ${what}, and it is linked`,
    {
      hint: "move the host to another version first, then come back to this one",
    },
  );
}

/** A broken copy, or the left-overs of another updater, go to staging, where a roll back finds them. */
function makeWay(world: World, place: string, staged: string): Change[] {
  if (world.files.stat(place) === undefined) return [];
  return [{ kind: "move", from: place, to: join(dirname(staged), "replaced") }];
}
