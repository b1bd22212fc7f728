import type { FindAnswer } from "../cluster/find-answer.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { type Architecture, archiveName } from "../release/address.ts";
import { failOver } from "../release/fail-over.ts";
import { folderSource } from "../release/folder-source.ts";
import { httpSource } from "../release/http-source.ts";
import { officialSource } from "../release/official-source.ts";
import type { ProofDemands } from "../release/proof.ts";
import type { ReleaseSource } from "../release/source.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";
import { readCredentials } from "../settings/credentials.ts";
import type { UpdaterOptions } from "../settings/options.ts";
import type { Revision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { chooseBaseUrl } from "./choose-base-url.ts";
import { heldBack } from "./decide-limits.ts";

/** A release that a host is to get: its file name, where it comes from, and what has to be shown of it. */
export interface WantedRelease {
  name: string;
  source: ReleaseSource;
  demands: ProofDemands;
}

export interface WantedInputs {
  target: Revision;
  /** Of the host. */
  architecture: Architecture;
  config: UpdateConfig;
  answer: FindAnswer;
  /** As they count in this run, with paths of this machine. */
  options: UpdaterOptions;
  /** A file or folder of this machine that stands for all other places; empty when the network does. */
  from: string;
  /** Lower-case hex; empty when the operator gave none. */
  digest: string;
}

/**
 * Where the release of a revision comes from and what it must prove, for this host. Nothing is asked of the network yet.
 * Fails with `E_BASE_URL`, `E_CREDENTIALS`, `E_TRUSTED_KEY`, or `E_DOWNLOAD` for a `from` that is not there or is another release.
 */
export async function wantedRelease(world: World, inputs: WantedInputs): Promise<WantedRelease> {
  const { target, architecture, config, options, answer, digest } = inputs;
  const name = archiveName(target, "linux", architecture);
  const fromCluster = answer.digests.get(name);
  return {
    name,
    source: chooseSource(world, name, inputs),
    demands: {
      pinned: [
        ...(digest === "" ? [] : [{ sha256: digest, by: "`--digest`" }]),
        ...(fromCluster === undefined ? [] : [{ sha256: fromCluster, by: "the cluster" }]),
      ],
      keys: await readTrustedKeys(world.localFiles, options.trustedKeys ?? []),
      skipSignature: options.skipSignature ?? false,
      // Looked at before, and once more here: what is installed may have been published since, or come from another place.
      refuse: (published) => {
        const { active } = config.status;
        const held = heldBack({ target, active, options, now: world.clock.now(), published });
        return held && new UpdateError("E_HELD_BACK", `refusing the target: ${held.reason}`, { hint: held.hint });
      },
    },
  };
}

const ELSEWHERE = "or name a mirror with `--base-url URL`, or a folder with `--from PATH`";

function chooseSource(world: World, name: string, { config, answer, options, from }: WantedInputs): ReleaseSource {
  if (from !== "") return folderSource(world.localFiles, from, name);
  const first = chooseBaseUrl(config, answer);
  if (config.spec.baseUrl === "") return officialSource(world, ELSEWHERE);
  const places = [first, ...(options.mirrors ?? [])];
  return failOver(
    places.map((url) => httpSource(world, url, readCredentials(world.localFiles, options, url))),
    world.log,
  );
}
