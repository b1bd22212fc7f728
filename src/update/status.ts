import { findTarget } from "../cluster/find.ts";
import type { FindAnswer } from "../cluster/find-answer.ts";
import { readPersistedId } from "../cluster/updater-id.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { type Acceptance, readProof } from "../release/proof-record.ts";
import { enrollCommand } from "../settings/enroll-command.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { readOptions, type UpdaterOptions } from "../settings/options.ts";
import { formatRevision } from "../settings/revision.ts";
import { readTeleportDefaults } from "../settings/teleport-config.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { architectureOf } from "./architecture.ts";
import type { HeldBack } from "./decide-limits.ts";
import { isWindowOpen } from "./decide-update.ts";
import { findLimit } from "./hold-back.ts";
import { describeKeptProxy } from "./keep-proxies.ts";
import { optionsOfRun } from "./plan-options.ts";
import { reportUnfinished } from "./recover.ts";
import { warnOfUnknownOptions } from "./unknown-options.ts";
import { wantedRelease } from "./wanted-release.ts";
import { warnOfLostKeys, warnOfLostVersion } from "./warn-of-lost.ts";

/** What `status` tells: the settings, what is installed, and what the cluster wants of it (updater-core §4.5). */
export interface StatusReport extends Pick<UpdateConfig, "spec" | "status"> {
  answer: FindAnswer | undefined;
  /** Why there is no answer. */
  failure: UpdateError | undefined;
  /** As the agent persisted it; never computed here. */
  id: string;
  /** By what the active version was accepted; undefined when nobody wrote it down. */
  proof: Acceptance | undefined;
  /** The limit of this host that keeps it from the target. */
  limit: HeldBack | undefined;
  /** What is kept on the host beyond `update.yaml`. */
  options: UpdaterOptions;
  /** The CONNECT proxy that is kept for the timer; undefined when none is. */
  proxyEnv: string | undefined;
}

/**
 * Reads the namespace and asks its proxy, whether updates are enabled or not. Takes no lock, needs no root, writes
 * nothing. A cluster that cannot be asked does not hide what the host knows by itself. Fails with `E_NOT_INSTALLED` when no
 * proxy is configured.
 */
export async function readStatus(
  world: World,
  request: { namespace: Namespace; insecure: boolean },
): Promise<StatusReport> {
  reportUnfinished(world, request.namespace);
  const config = mergeOverride(readUpdateConfig(world.files, request.namespace), NO_OVERRIDE, "none");
  const { spec, status } = config;
  if (spec.proxy === "") {
    throw notInstalled(request.namespace);
  }
  warnOfUnknownOptions(world, request.namespace);
  warnOfLostVersion(world, request.namespace, config);
  await warnOfLostKeys(world, optionsOfRun(world.files, request.namespace, {}));
  const { dataDirectory } = readTeleportDefaults(world.files, request.namespace, world.log);
  const id = readPersistedId(world.files, { idFile: status.idFile, dataDirectory });
  const { proxy, group } = spec;
  const asked = await reached(() => findTarget(world, { proxy, group, updaterId: id, insecure: request.insecure }));
  const proof = readProof(world.files, versionDirectory(request.namespace, status.active));
  return {
    spec,
    status,
    ...asked,
    id,
    proof,
    limit: asked.answer && (await limitOf(world, request.namespace, config, asked.answer)),
    options: readOptions(world.files, request.namespace),
    proxyEnv: describeKeptProxy(world.files, request.namespace),
  };
}

async function reached(ask: () => Promise<FindAnswer>): Promise<Pick<StatusReport, "answer" | "failure">> {
  try {
    return { answer: await ask(), failure: undefined };
  } catch (failure) {
    if (!isUpdateError(failure) || failure.code === "E_CANCELED") throw failure;
    return { answer: undefined, failure };
  }
}

/** What cannot be asked, by who may not read the credentials for a mirror or when it is down, does not hide all the rest. */
async function limitOf(
  world: World,
  namespace: Namespace,
  config: UpdateConfig,
  answer: FindAnswer,
): Promise<HeldBack | undefined> {
  const options = optionsOfRun(world.files, namespace, {});
  const { target } = answer;
  try {
    return await findLimit(world, { target, active: config.status.active, options }, () =>
      wantedRelease(world, {
        target,
        architecture: architectureOf(world, namespace, config),
        config,
        answer,
        options,
        from: "",
        digest: "",
      }),
    );
  } catch (error) {
    if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
    const reason = `the age of ${formatRevision(target)} cannot be asked: ${error.message}`;
    return { rule: "min-age", reason, hint: error.hint ?? "" };
  }
}

/** True when the host should move now, and nothing holds it back; edition counts, as in the rendered form (updater-core §1.5, exit code 3). */
export function shouldUpdateNow({ status, answer, limit }: Pick<StatusReport, "status" | "answer" | "limit">): boolean {
  if (answer === undefined) return false;
  const isOpen = isWindowOpen({ config: { status }, answer, isNow: false });
  return limit === undefined && isOpen && formatRevision(status.active) !== formatRevision(answer.target);
}

/** The host was never enrolled into the namespace: most likely its suffix is mistyped. */
export function notInstalled(namespace: Namespace): UpdateError {
  const which = namespace.suffix === "" ? "" : ` with the suffix \`${namespace.suffix}\``;
  return new UpdateError("E_NOT_INSTALLED", `this host is not enrolled${which}`, {
    hint: `enroll it with \`${enrollCommand(namespace)}\`, or name another \`--install-suffix\``,
  });
}
