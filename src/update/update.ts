import { join } from "node:path";
import { findTarget } from "../cluster/find.ts";
import type { Lock } from "../host/lock.ts";
import { UpdateError } from "../platform/errors.ts";
import { hideCredentials } from "../platform/hide-credentials.ts";
import type { World } from "../platform/world.ts";
import { SIGNATURE_SKIPPED } from "../release/proof.ts";
import { readTrustedKeys } from "../release/trusted-keys.ts";
import { sameProxy } from "../settings/address.ts";
import { commandFor, enrollCommand } from "../settings/enroll-command.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import { type Namespace, UPDATER_NAME, versionDirectory } from "../settings/namespace.ts";
import { readTeleportDefaults, type TeleportDefaults } from "../settings/teleport-config.ts";
import type { LastUpdate, UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { activate } from "./activate.ts";
import { architectureOf } from "./architecture.ts";
import { requireClosed, requireClosedFiles, warnOfOpenVersion } from "./closed-places.ts";
import { decideUpdate, decisionAttributes, isWindowOpen } from "./decide-update.ts";
import { enterNamespace, warnIfMissing } from "./enter.ts";
import { type RunningAction, recorded } from "./history.ts";
import { findLimit } from "./hold-back.ts";
import { hostId } from "./host-id.ts";
import { COMMAND_LOCK, TIMER_LOCK } from "./locks.ts";
import { giveNotices } from "./notices.ts";
import { optionsOfRun } from "./plan-options.ts";
import { recordFailure } from "./record-failure.ts";
import { wantedRelease } from "./wanted-release.ts";
import { warnOfLostVersion } from "./warn-of-lost.ts";

/** What a run of `update` is asked. */
export interface UpdateRequest {
  namespace: Namespace;
  /** Started by an operator: the window counts as open, and nobody waits for a random time. */
  isNow: boolean;
  selfSetup: boolean;
  insecure: boolean;
  debug: boolean;
  logFormat: string;
  temporaryDirectory: string;
}

/**
 * Keeps the host at its cluster's version; what the timer runs (updater-core §4.4). What is decided and why is logged, and
 * all that needs no move writes nothing. The outcome of a move is written to `update.yaml`, also when it failed and the
 * host was put back: a release that did not live is marked, and not tried again by the timer.
 */
export async function update(world: World, request: UpdateRequest): Promise<void> {
  const { namespace, isNow } = request;
  const startedAt = world.clock.now();
  using lock = await enterNamespace(world, namespace, isNow ? COMMAND_LOCK : TIMER_LOCK);
  warnIfMissing(world, namespace);
  await recorded(world, namespace, "update", (action) => updateLocked(world, lock, { ...request, startedAt }, action));
}

type StartedRequest = UpdateRequest & { startedAt: Date };

async function updateLocked(world: World, lock: Lock, request: StartedRequest, action: RunningAction): Promise<void> {
  const { namespace, isNow } = request;
  const original = mergeOverride(readUpdateConfig(world.files, namespace), NO_OVERRIDE, "none");
  if (!original.spec.enabled) {
    const isEnrolled = world.files.stat(namespace.config) !== undefined;
    const command = isEnrolled ? commandFor(namespace, "enable") : enrollCommand(namespace);
    world.log.info("Automatic updates are disabled.", { command });
    return;
  }
  const defaults = readTeleportDefaults(world.files, namespace, world.log);
  warnOfOtherProxy(world, original, defaults);
  requireLinkDirectory(world, original, namespace);
  // With the way to what the timer runs, wherever its link leads.
  requireClosed(world, [original.spec.path, join(original.spec.path, UPDATER_NAME)]);
  warnOfOpenVersion(world, versionDirectory(namespace, original.status.active));
  warnOfLostVersion(world, namespace, original);

  const options = optionsOfRun(world.files, namespace, {});
  requireClosedFiles(world, options);

  const config = withIdFile(original, namespace.idFile(request.temporaryDirectory));
  const answer = await findTarget(world, {
    proxy: config.spec.proxy,
    group: config.spec.group,
    updaterId: hostId(world, { idFile: config.status.idFile, dataDirectory: defaults.dataDirectory }),
    insecure: request.insecure,
  });
  const { target } = answer;
  const attempt: LastUpdate = { success: false, time: request.startedAt, target };
  const attempting = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (failure) {
      await recordFailure(world, namespace, withLastUpdate(config, attempt), failure);
      throw failure;
    }
  };
  const architecture = architectureOf(world, namespace, config);
  const wanted = () => wantedRelease(world, { target, architecture, config, answer, options, from: "", digest: "" });
  const { active } = config.status;
  const isDue = isWindowOpen({ config, answer, isNow }) && !config.spec.pinned;
  const limit = isDue ? await attempting(() => findLimit(world, { target, active, options }, wanted)) : undefined;
  const decision = decideUpdate({ config, answer, isNow, limit });
  world.log[decision.level](decision.reason, decisionAttributes(decision, config, namespace));
  if (decision.action === "stay") {
    // A key that is gone must not be found only with the next release.
    const keys = await readTrustedKeys(world.localFiles, options.trustedKeys ?? []);
    if (keys.length > 0 && options.skipSignature) world.log.warn(SIGNATURE_SKIPPED);
    return;
  }
  if (decision.action === "fail") {
    throw new UpdateError("E_NO_TARGET", "the target version is missing", {
      hint: "the cluster opened the window without a version: look at `tctl autoupdate agents status`",
    });
  }
  const release = await attempting(wanted);
  await waitForTurn(world, decision.jitterSeconds);

  Object.assign(action, { isBegun: true, from: active, to: target });
  await attempting(async () => {
    const { manageTbot } = await activate(world, lock, {
      ...request,
      overwrite: false,
      handOver: false,
      options: {},
      givenProxies: undefined,
      config: withLastUpdate(config, attempt),
      target,
      release,
      architecture,
      updater: "",
      dataDirectory: defaults.dataDirectory,
      isRepair: false,
      attempt,
      onMoved: (proof) => action.writeDone(proof),
    });
    if (isNow) await giveNotices(world, namespace, { path: config.spec.path, ...defaults, manageTbot });
  });
}

/** Spreads the hosts of a group over the jitter of their cluster; the lock is held meanwhile (updater-core §3.3). */
async function waitForTurn(world: World, jitterSeconds: number): Promise<void> {
  const milliseconds = Math.floor(world.clock.random() * jitterSeconds * 1000);
  if (milliseconds === 0) return;
  world.log.info("Waiting for a random time before the update.", {
    seconds: Math.round(milliseconds / 1000),
    at_most: jitterSeconds,
  });
  await world.clock.sleep(milliseconds, world.signal);
}

function warnOfOtherProxy({ log }: World, { spec }: UpdateConfig, { proxy, proxySource }: TeleportDefaults): void {
  if (proxy === undefined || sameProxy(spec.proxy, proxy)) return;
  log.warn("The agent's own configuration names another proxy.", {
    configured: hideCredentials(spec.proxy),
    found: proxy,
    path: proxySource,
  });
  log.warn("The updater follows the proxy in `update.yaml`; name another one with `teleport-update enable --proxy`.");
}

function requireLinkDirectory({ files }: World, { spec }: UpdateConfig, namespace: Namespace): void {
  if (spec.path.startsWith("/")) return;
  const path = files.real(namespace.config);
  throw new UpdateError("E_CONFIG_READ", `cannot read the destination path for links from \`${path}\``, {
    hint: "run `teleport-update enable` again, which writes it",
  });
}

function withIdFile(config: UpdateConfig, idFile: string): UpdateConfig {
  return { ...config, status: { ...config.status, idFile } };
}

function withLastUpdate(config: UpdateConfig, lastUpdate: LastUpdate): UpdateConfig {
  return { ...config, status: { ...config.status, lastUpdate } };
}
