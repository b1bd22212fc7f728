import { findTarget } from "../cluster/find.ts";
import { readUpdaterId } from "../cluster/updater-id.ts";
import type { World } from "../platform/world.ts";
import { adoptDefaults, mergeOverride } from "../settings/merge.ts";
import type { Namespace } from "../settings/namespace.ts";
import { formatRevision, parseVersion } from "../settings/revision.ts";
import { readTeleportDefaults, type TeleportDefaults } from "../settings/teleport-config.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { activate } from "./activate.ts";
import { decideEnrollment } from "./decide-enrollment.ts";
import { enterNamespace } from "./enter.ts";
import { COMMAND_LOCK } from "./locks.ts";
import { giveNotices } from "./notices.ts";
import { CLEAR, pathOfHost } from "./plan-options.ts";

/** What `enable` and `pin` are asked to do. An empty string, and `undefined`, leave a setting as it is. */
export interface EnrollRequest {
  command: "enable" | "pin";
  namespace: Namespace;
  proxy: string;
  group: string;
  baseUrl: string;
  path: string;
  selinuxSsh: boolean | undefined;
  overwrite: boolean;
  allowProxyConflict: boolean;
  forceVersion: string;
  forceFlags: readonly string[];
  selfSetup: boolean;
  handOver: boolean;
  /** Another PEM file to trust, kept for later runs; `default` clears it. */
  caFile: string;
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
  using lock = await enterNamespace(world, namespace, COMMAND_LOCK);

  if (request.caFile !== CLEAR && pathOfHost(world.files.root, request.caFile) === undefined) {
    world.log.warn("The file of `--ca-file` lies outside the root: it is trusted now, and not kept for the host.", {
      ca_file: request.caFile,
      root: world.files.root,
    });
  }
  const defaults = readTeleportDefaults(world.files, namespace, world.log);
  const config = mergedConfig(world, request, defaults);
  const decision = decideEnrollment({
    config,
    answer: await askCluster(world, request, config, defaults.dataDirectory),
    forceVersion: request.forceVersion === "" ? "" : parseVersion(request.forceVersion, "`--force-version`"),
    forceFlags: request.forceFlags,
  });

  const version = formatRevision(decision.target);
  if (decision.retriesSkipped)
    world.log.warn("The target was marked broken before, trying it again.", { target_version: version });
  world.log.info("Initiating installation.", {
    target_version: version,
    active_version: formatRevision(config.status.active) || undefined,
    reason: decision.reason,
  });
  const { manageTbot } = await activate(world, lock, {
    ...request,
    config: decision.retriesSkipped ? withoutSkip(config) : config,
    target: decision.target,
    baseUrl: decision.baseUrl,
    dataDirectory: defaults.dataDirectory,
    isRepair: decision.action === "repair",
    attempt: undefined,
  });
  world.log.info("Configuration updated.", { config: namespace.config });
  await giveNotices(world, namespace, { path: config.spec.path, dataDirectory: defaults.dataDirectory, manageTbot });
}

function mergedConfig(world: World, request: EnrollRequest, defaults: TeleportDefaults): UpdateConfig {
  const original = readUpdateConfig(world.files, request.namespace);
  return adoptDefaults(mergeOverride(original, request, request.command), {
    teleportProxy: defaults.proxy,
    proxySource: defaults.proxySource,
    namespace: request.namespace,
    allowProxyConflict: request.allowProxyConflict,
    idFile: request.namespace.idFile(request.temporaryDirectory),
  });
}

function askCluster(world: World, request: EnrollRequest, { spec, status }: UpdateConfig, dataDirectory: string) {
  return findTarget(world, {
    proxy: spec.proxy,
    group: spec.group,
    updaterId: readUpdaterId(world, { idFile: status.idFile, dataDirectory }),
    insecure: request.insecure,
  });
}

function withoutSkip(config: UpdateConfig): UpdateConfig {
  return { ...config, status: { ...config.status, skip: undefined } };
}
