import { findTarget } from "../cluster/find.ts";
import { readUpdaterId } from "../cluster/updater-id.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { sameProxy } from "../settings/address.ts";
import { mergeOverride, NO_OVERRIDE } from "../settings/merge.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { Revision } from "../settings/revision.ts";
import { readTeleportDefaults, type TeleportDefaults } from "../settings/teleport-config.ts";
import type { LastUpdate, UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { activate } from "./activate.ts";
import { chooseBaseUrl } from "./choose-base-url.ts";
import { decideUpdate, decisionAttributes } from "./decide-update.ts";
import { enterNamespace, warnIfMissing } from "./enter.ts";
import { COMMAND_LOCK, TIMER_LOCK } from "./locks.ts";
import { giveNotices } from "./notices.ts";
import { planConfig } from "./plan-config.ts";
import { inTransaction } from "./transaction.ts";

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
  const original = mergeOverride(readUpdateConfig(world.files, namespace), NO_OVERRIDE, "none");
  if (!original.spec.enabled) {
    world.log.info("Automatic updates are disabled.");
    return;
  }
  const defaults = readTeleportDefaults(world.files, namespace, world.log);
  warnOfOtherProxy(world, original, defaults);
  requireLinkDirectory(original, namespace);

  const config = withIdFile(original, namespace.idFile(request.temporaryDirectory));
  const answer = await findTarget(world, {
    proxy: config.spec.proxy,
    group: config.spec.group,
    updaterId: readUpdaterId(world, { idFile: config.status.idFile, dataDirectory: defaults.dataDirectory }),
    insecure: request.insecure,
  });
  const decision = decideUpdate({ config, answer, isNow });
  world.log[decision.level](decision.reason, decisionAttributes(decision, config));
  if (decision.action === "stay") return;
  if (decision.action === "fail") {
    throw new UpdateError("E_NO_TARGET", "the target version is missing", {
      hint: "the cluster opened the window without a version: look at `tctl autoupdate agents status`",
    });
  }
  await waitForTurn(world, decision.jitterSeconds);

  const attempt: LastUpdate = { success: false, time: startedAt, target: decision.target };
  try {
    const { manageTbot } = await activate(world, lock, {
      ...request,
      overwrite: false,
      handOver: false,
      caFile: "",
      config: withLastUpdate(config, attempt),
      target: decision.target,
      baseUrl: chooseBaseUrl(config, answer),
      dataDirectory: defaults.dataDirectory,
      isRepair: false,
      attempt,
    });
    if (isNow) await giveNotices(world, namespace, { path: config.spec.path, ...defaults, manageTbot });
  } catch (failure) {
    await recordFailure(world, namespace, withLastUpdate(config, attempt), failure);
    throw failure;
  }
}

/** A roll back that went wrong carries what made it necessary. */
function causeOf(failure: unknown): unknown {
  return failure instanceof Error ? failure.cause : undefined;
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

/** The host is put back by now; what is left is to remember the attempt, and not to try a broken release again. */
async function recordFailure(
  world: World,
  namespace: Namespace,
  config: UpdateConfig,
  failure: unknown,
): Promise<void> {
  const target = config.status.lastUpdate?.target;
  const isBroken = isUpdateError(failure, "E_BROKEN_RELEASE") || isUpdateError(causeOf(failure), "E_BROKEN_RELEASE");
  const skip: Revision | undefined = isBroken && target !== undefined ? target : config.status.skip;
  try {
    // Not the backup of the start: it may have made room for the release that failed.
    const { backup } = readUpdateConfig(world.files, namespace).status;
    const recorded = { ...config, status: { ...config.status, skip, backup } };
    const ungoverned = { ...world, signal: new AbortController().signal };
    // One file, replaced at once, needs no journal; and one that a roll back could not end must stay as it is.
    await inTransaction(ungoverned, undefined, (transaction) =>
      transaction.apply(planConfig(world.files, namespace, recorded)),
    );
  } catch (error) {
    world.log.error("The failed update could not be recorded.", { error: String(error) });
  }
}

function warnOfOtherProxy({ log }: World, { spec }: UpdateConfig, { proxy, proxySource }: TeleportDefaults): void {
  if (proxy === undefined || sameProxy(spec.proxy, proxy)) return;
  log.warn("The agent's own configuration names another proxy.", {
    configured: spec.proxy,
    found: proxy,
    path: proxySource,
  });
  log.warn("The updater follows the proxy in `update.yaml`; name another one with `teleport-update enable --proxy`.");
}

function requireLinkDirectory({ spec }: UpdateConfig, namespace: Namespace): void {
  if (spec.path.startsWith("/")) return;
  throw new UpdateError("E_CONFIG_READ", `cannot read the destination path for links from \`${namespace.config}\``, {
    hint: "run `teleport-update enable` again, which writes it",
  });
}

function withIdFile(config: UpdateConfig, idFile: string): UpdateConfig {
  return { ...config, status: { ...config.status, idFile } };
}

function withLastUpdate(config: UpdateConfig, lastUpdate: LastUpdate): UpdateConfig {
  return { ...config, status: { ...config.status, lastUpdate } };
}
