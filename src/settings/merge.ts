import { normalize } from "node:path/posix";
import { UpdateError } from "../platform/errors.ts";
import { hideCredentials } from "../platform/hide-credentials.ts";
import { quote } from "../platform/quote.ts";
import { parseAddress, sameProxy } from "./address.ts";
import { checkBaseUrl } from "./base-url.ts";
import { CLEAR } from "./clear-word.ts";
import type { Namespace } from "./namespace.ts";
import type { UpdateConfig } from "./update-config.ts";

/** What flags and environment say; an empty string is "not given". */
export interface Override {
  proxy: string;
  path: string;
  /** `default` clears the setting; so for `baseUrl`. */
  group: string;
  baseUrl: string;
  /** Undefined when the operator did not touch the flag. */
  selinuxSsh?: boolean | undefined;
}

export const NO_OVERRIDE: Override = { proxy: "", path: "", group: "", baseUrl: "" };

const GROUP_LIMIT = 128;

/**
 * The configuration with an override laid over it (updater-core §2.4): what is not given stays as it was, and `enabled`
 * and `pinned` are only ever set here. Values given now are checked; of the values kept only the base URL is, since a
 * hand-edited one would otherwise be used without TLS. Fails with `E_BASE_URL`, `E_PROXY_ADDRESS`, `E_PATH` or `E_USAGE`.
 */
export function mergeOverride(
  config: UpdateConfig,
  override: Override,
  command: "enable" | "pin" | "none",
): UpdateConfig {
  const { spec } = config;
  if (override.proxy !== "") parseAddress(override.proxy);
  const baseUrl = replaceOrClear(spec.baseUrl, override.baseUrl);
  checkBaseUrl(baseUrl, override.baseUrl === "" ? "kept" : "given");
  const selinuxSsh = override.selinuxSsh ?? spec.selinuxSsh;
  return {
    ...config,
    spec: {
      proxy: override.proxy || spec.proxy,
      path: override.path === "" ? spec.path : parseLinkDirectory(override.path),
      group: replaceOrClear(spec.group, checkGroup(override.group)),
      baseUrl,
      enabled: spec.enabled || command === "enable",
      pinned: spec.pinned || command === "pin",
      selinuxSsh,
      selinuxSshEnforcing: spec.selinuxSshEnforcing && selinuxSsh,
    },
  };
}

export interface Defaults {
  /** The proxy that the agent's own file names, and that file (`readTeleportDefaults`). */
  teleportProxy: string | undefined;
  proxySource?: string | undefined;
  namespace: Namespace;
  allowProxyConflict: boolean;
  /** Where the agent will write the updater id. */
  idFile: string;
}

/**
 * The configuration as `enable` and `pin` write it: an unset proxy from `teleport.yaml`, an unset path from the
 * namespace, the id file (updater-core §2.4). Fails with `E_PROXY_CONFLICT` when both proxies are known and differ.
 */
export function adoptDefaults(config: UpdateConfig, defaults: Defaults): UpdateConfig {
  const { teleportProxy, namespace } = defaults;
  const proxy = config.spec.proxy || (teleportProxy ?? "");
  if (teleportProxy !== undefined && !sameProxy(proxy, teleportProxy) && !defaults.allowProxyConflict) {
    const source = defaults.proxySource ?? namespace.teleport.config;
    throw new UpdateError(
      "E_PROXY_CONFLICT",
      `refusing conflicting proxy addresses: ${quote(hideCredentials(proxy))} is asked for, but \`${source}\` has ${quote(teleportProxy)}`,
      { hint: `give \`--proxy ${teleportProxy}\`, or \`--allow-proxy-conflict\` if both lead to the same cluster` },
    );
  }
  return {
    ...config,
    spec: { ...config.spec, proxy, path: config.spec.path || namespace.defaultLinkDirectory },
    status: { ...config.status, idFile: defaults.idFile },
  };
}

function replaceOrClear(kept: string, given: string): string {
  if (given === "") return kept;
  return given === CLEAR ? "" : given;
}

/** Links and units hold this path, so it is absolute, in its shortest form, and free of what no unit can start. */
function parseLinkDirectory(path: string): string {
  const normal = normalize(path).replace(/(?<=.)\/$/, "");
  if (path.startsWith("/") && normal !== "/" && !/[\p{C}\p{Zl}\p{Zp}"'\\]/u.test(path)) return normal;
  throw new UpdateError("E_PATH", `the path ${quote(path)} cannot hold the links to programs`, {
    hint: "give an absolute path without quotes, backslashes and control characters, like `--path /usr/local/bin`",
  });
}

function checkGroup(group: string): string {
  if (group.length <= GROUP_LIMIT && !/[\p{C}\p{Zl}\p{Zp}]/u.test(group)) return group;
  throw new UpdateError("E_USAGE", `the update group ${quote(group)} is not usable`, {
    hint: `a group is a name of at most ${GROUP_LIMIT} printable characters, as in \`--group canary\``,
  });
}
