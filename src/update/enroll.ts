import { findTarget, requireProxy } from "../cluster/find.ts";
import type { FindAnswer } from "../cluster/find-answer.ts";
import type { Lock } from "../host/lock.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { checkBaseUrl } from "../settings/base-url.ts";
import { CLEAR } from "../settings/clear-word.ts";
import { checkCredentials, concernsCredentials } from "../settings/credentials.ts";
import { adoptDefaults, mergeOverride } from "../settings/merge.ts";
import type { Namespace } from "../settings/namespace.ts";
import type { GivenOptions } from "../settings/options.ts";
import { formatRevision, parseVersion, type Revision } from "../settings/revision.ts";
import { readTeleportDefaults, type TeleportDefaults, teleportConfigFault } from "../settings/teleport-config.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { activate } from "./activate.ts";
import { architectureOf } from "./architecture.ts";
import { requireClosed, requireClosedFiles } from "./closed-places.ts";
import { decideEnrollment } from "./decide-enrollment.ts";
import { type HeldBack, requireRoom } from "./decide-limits.ts";
import { enrollLater } from "./enroll-later.ts";
import { enterNamespace } from "./enter.ts";
import { checkGivenKeys, requireGivenFiles } from "./given-files.ts";
import { type RunningAction, recorded } from "./history.ts";
import { findLimit } from "./hold-back.ts";
import { hostId } from "./host-id.ts";
import { type ImageRequest, NOT_ASKED } from "./image.ts";
import { type GivenProxies, proxiesToKeep, type StartedWith, warnOfUnkeptProxy } from "./keep-proxies.ts";
import { COMMAND_LOCK } from "./locks.ts";
import { giveNotices } from "./notices.ts";
import { judgePathsOutside, optionsOfRun } from "./plan-options.ts";
import { chooseUpdater } from "./updater-program.ts";
import { wantedRelease } from "./wanted-release.ts";

/** What `enable` and `pin` are asked to do. An empty string, and `undefined`, leave a setting as it is. */
export interface EnrollRequest extends StartedWith {
  proxy: string;
  group: string;
  baseUrl: string;
  /** What the archive must have, lower-case hex; empty when the operator does not say. */
  digest: string;
  /** A file or folder of this machine that the release comes from this time, instead of the network; else empty. */
  from: string;
  path: string;
  selinuxSsh: boolean | undefined;
  overwrite: boolean;
  allowProxyConflict: boolean;
  forceVersion: string;
  forceFlags: readonly string[];
  selfSetup: boolean;
  handOver: boolean;
  /** Kept for later runs; paths are of this machine. */
  options: GivenOptions;
  image: ImageRequest;
  insecure: boolean;
  debug: boolean;
  logFormat: string;
  temporaryDirectory: string;
}

/**
 * Enrolls the host: merges the settings, asks the cluster, and brings the host to its version (updater-core §4.2).
 * Running it again keeps every setting that is not named. On failure the host, `update.yaml` included, is put back.
 */
export async function enroll(world: World, request: EnrollRequest): Promise<void> {
  const { namespace } = request;
  const proxies = proxiesToKeep(request);
  using lock = await enterNamespace(world, namespace, COMMAND_LOCK);
  await recorded(world, namespace, request.command, (action) => enrollLocked(world, lock, request, proxies, action));
}

async function enrollLocked(
  world: World,
  lock: Lock,
  request: EnrollRequest,
  proxies: GivenProxies,
  action: RunningAction,
): Promise<void> {
  const { namespace } = request;
  judgePathsOutside(world, request.options);
  const defaults = readTeleportDefaults(world.files, namespace, world.log);
  const unread = unreadTeleportConfig(world, namespace);
  const config = mergedConfig(world, request, defaults);
  requireClosed(world, [config.spec.path]);
  const options = optionsOfRun(world.files, namespace, request.options);
  const { minVersion, maxVersion } = request.options;
  if (minVersion !== undefined || maxVersion !== undefined) requireRoom(options);
  requireGivenFiles(world, request.options);
  requireClosedFiles(world, options);
  await checkGivenKeys(world, request.options);
  if (concernsCredentials(request.options)) {
    const { baseUrl } = config.spec;
    checkCredentials(world.localFiles, options, baseUrl === "" ? [] : [baseUrl, ...(options.mirrors ?? [])]);
  }
  const host = {
    namespace,
    architecture: architectureOf(world, namespace, config, request.image.architecture),
    updater: request.image.updater,
    dataDirectory: defaults.dataDirectory,
    givenProxies: proxies,
  };
  // An updater that cannot stay must not be found only after the download.
  const { path } = config.spec;
  const wish = { architecture: host.architecture, given: host.updater, path };
  if (!request.handOver) await chooseUpdater(world, namespace, wish);
  requireProxy(config.spec.proxy, unread);
  if (request.image.isOffline && request.forceVersion === "") {
    Object.assign(action, { isBegun: true });
    return await enrollLater(world, lock, { ...request, ...host, config });
  }
  const answer = await askCluster(world, request, config, defaults.dataDirectory);
  const decision = decideEnrollment({
    config,
    answer,
    forceVersion: request.forceVersion === "" ? "" : parseVersion(request.forceVersion, "`--force-version`"),
    forceFlags: request.forceFlags,
  });

  const { active } = config.status;
  const wanted = (target: Revision) => wantedRelease(world, { ...request, ...host, config, target, answer, options });
  const limit = await findLimit(world, { target: decision.target, active, options }, () => wanted(decision.target));
  if (limit !== undefined) stayOrRefuse(world, request, active, limit);
  const target = limit === undefined ? decision.target : active;
  const release = await wanted(target);
  Object.assign(action, { isBegun: true, from: active, to: target });

  const version = formatRevision(target);
  const retriesSkipped = decision.retriesSkipped && limit === undefined;
  if (retriesSkipped)
    world.log.warn("The target was marked broken before, trying it again.", { target_version: version });
  world.log.info("Initiating installation.", {
    target_version: version,
    active_version: formatRevision(active) || undefined,
    reason: limit === undefined ? decision.reason : `${version} is active already`,
  });
  const { manageTbot } = await activate(world, lock, {
    ...request,
    ...host,
    config: retriesSkipped ? withoutSkip(config) : config,
    target,
    release,
    isRepair: decision.action === "repair" || limit !== undefined,
    attempt: undefined,
    onMoved: (proof) => action.writeDone(proof),
  });
  world.log.info("Configuration updated.", { config: namespace.config });
  await giveNotices(world, namespace, { path: config.spec.path, dataDirectory: defaults.dataDirectory, manageTbot });
  warnOfUnkeptProxy(world, request, target);
}

/** The agent's own configuration when nothing of it counts: its path on this machine, after a warning that says why. */
function unreadTeleportConfig({ files, log }: World, namespace: Namespace): string | undefined {
  const error = teleportConfigFault(files, namespace);
  if (error === undefined) return undefined;
  const path = files.real(namespace.teleport.config);
  log.warn("The agent's own configuration cannot be read: neither its proxy nor its data directory counts.", {
    path,
    error,
  });
  return path;
}

/** Setting a limit on a host must not need the very version that it forbids; but who names a release is to hear of it. */
function stayOrRefuse({ log }: World, request: EnrollRequest, active: Revision, limit: HeldBack): void {
  const { command, forceVersion, digest, from } = request;
  const isNamed = [forceVersion, digest, from].some((text) => text !== "");
  const mayStay = command === "enable" && !isNamed && active.version !== "";
  if (!mayStay) throw new UpdateError("E_HELD_BACK", `refusing the target: ${limit.reason}`, { hint: limit.hint });
  const kept = { active_version: formatRevision(active), rule: limit.rule, limit: limit.reason };
  log.warn("The target is held back by a limit of this host, which stays at its version.", kept);
}

function mergedConfig(world: World, request: EnrollRequest, defaults: TeleportDefaults): UpdateConfig {
  const original = readUpdateConfig(world.files, request.namespace);
  for (const mirror of mirrorsIn(request.options)) checkBaseUrl(mirror, "given");
  return adoptDefaults(mergeOverride(original, request, request.command), {
    teleportProxy: defaults.proxy,
    proxySource: defaults.proxySource,
    namespace: request.namespace,
    allowProxyConflict: request.allowProxyConflict,
    idFile: request.namespace.idFile(request.temporaryDirectory),
  });
}

function mirrorsIn({ mirrors }: GivenOptions): readonly string[] {
  return mirrors === undefined || mirrors === CLEAR ? [] : mirrors;
}

async function askCluster(
  world: World,
  request: EnrollRequest,
  { spec, status }: UpdateConfig,
  dataDirectory: string,
): Promise<FindAnswer> {
  if (request.image.isOffline) return NOT_ASKED;
  return findTarget(world, {
    proxy: spec.proxy,
    group: spec.group,
    updaterId: hostId(world, { idFile: status.idFile, dataDirectory }),
    insecure: request.insecure,
  });
}

function withoutSkip(config: UpdateConfig): UpdateConfig {
  return { ...config, status: { ...config.status, skip: undefined } };
}
