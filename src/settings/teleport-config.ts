import { normalize } from "node:path/posix";
import { parseDocument } from "yaml";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { normalizeProxy } from "./address.ts";
import { isCustomTbot } from "./custom-tbot.ts";
import { isNullWord } from "./go-yaml-words.ts";
import type { Namespace } from "./namespace.ts";
import { excessIn } from "./yaml-bounds.ts";

/** What the agent's own configuration settles for the updater. */
export interface TeleportDefaults {
  /** The agent's data directory, from `teleport.yaml` or the namespace. */
  dataDirectory: string;
  /** Always `host:port`; undefined when no file names a proxy. */
  proxy: string | undefined;
  /** The file that named the proxy. */
  proxySource: string | undefined;
}

const SIZE_LIMIT = 1 << 20;
const PROXY_PORT = 3080;
const AUTH_PORT = 3025;

/**
 * Reads `data_dir` and the proxy from `teleport.yaml`, or the proxy from `tbot.yaml` when there is no `teleport.yaml` and
 * the updater may manage tbot (updater-core §2.5, installer-systemd §1.2). These files are not ours: whatever is odd in
 * them is logged at debug level and passed over, so this never fails.
 */
export function readTeleportDefaults(files: Files, namespace: Namespace, log: Log): TeleportDefaults {
  const none = { dataDirectory: namespace.defaultDataDirectory, proxy: undefined, proxySource: undefined };
  const teleport = readMapping(files, namespace.teleport.config, log);
  if (teleport === "absent") return { ...none, ...tbotProxy(files, namespace, log) };
  if (teleport === "unusable") return none;
  const settings = isMapping(teleport["teleport"]) ? teleport["teleport"] : {};
  return {
    dataDirectory: dataDirectory(settings, namespace, log) ?? none.dataDirectory,
    ...proxyIn(settings, namespace.teleport.config, log),
  };
}

/** A pretty error quotes its line, which may be the whole file, and there may be as many of them as characters. */
const PARSING = {
  schema: "failsafe",
  merge: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: "silent",
} as const;

type Mapping = Record<string, unknown>;
type NamedProxy = Pick<TeleportDefaults, "proxy" | "proxySource">;

function tbotProxy(files: Files, namespace: Namespace, log: Log): Partial<NamedProxy> {
  if (!mayManageTbot(files, namespace, log)) return {};
  const tbot = readMapping(files, namespace.tbot.config, log);
  return typeof tbot === "string" ? {} : proxyIn(tbot, namespace.tbot.config, log);
}

function mayManageTbot(files: Files, namespace: Namespace, log: Log): boolean {
  try {
    return !isCustomTbot(files, namespace);
  } catch (error) {
    log.debug("Cannot tell who made the tbot service.", { error: reason(error) });
    return false;
  }
}

/**
 * A configuration of Teleport, best effort: what is odd is logged at debug level. Every scalar is read as text, because
 * `proxy_server: 10` and `"10"` are one name here.
 */
export function readMapping(files: Files, path: string, log: Log): Mapping | "absent" | "unusable" {
  try {
    return parseMapping(files, path) ?? "absent";
  } catch (error) {
    log.debug("Cannot read the configuration; its defaults are not used.", { path, error: reason(error) });
    return "unusable";
  }
}

/** Why nothing of `teleport.yaml` counts, for whoever is about to rely on it; undefined when it can be read, or is not there. */
export function teleportConfigFault(files: Files, { teleport }: Namespace): string | undefined {
  try {
    parseMapping(files, teleport.config);
    return undefined;
  } catch (error) {
    return reason(error);
  }
}

/** Undefined without a file; every failure is thrown, and says nothing of what the file holds. */
function parseMapping(files: Files, path: string): Mapping | undefined {
  const text = files.readText(path, SIZE_LIMIT);
  if (text === undefined) return undefined;
  const excess = excessIn(text);
  if (excess !== undefined) throw new Error(`line ${excess.line} ${excess.reason}`);
  const document = parseDocument(text, PARSING);
  const [error] = document.errors;
  // Messages of the library may quote the file, which holds join tokens.
  if (error !== undefined) throw new Error(`line ${lineAt(text, error.pos[0])} is not valid YAML (${error.code})`);
  const content = text.trim() === "" ? {} : contentOf(document);
  if (isMapping(content)) return content;
  throw new Error("it is not a mapping of keys to values");
}

/** The library stops where aliases multiply. */
function contentOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS();
  } catch {
    throw new Error("it has an alias that leads nowhere, or aliases that lead to too much");
  }
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function dataDirectory(settings: Mapping, namespace: Namespace, log: Log): string | undefined {
  const written = settings["data_dir"] ?? "";
  if (typeof written === "string" && isNullWord(written)) return undefined;
  if (typeof written === "string" && written.startsWith("/") && !/\p{C}/u.test(written)) {
    return normalize(written).replace(/(?<=.)\/$/, "");
  }
  log.debug("The data directory is not an absolute path; the default is used.", { path: namespace.teleport.config });
  return undefined;
}

function proxyIn(settings: Mapping, path: string, log: Log): NamedProxy {
  const none = { proxy: undefined, proxySource: undefined };
  const candidate = proxyCandidate(settings);
  if (candidate === undefined) return none;
  try {
    return { proxy: normalizeProxy(candidate.address, candidate.port), proxySource: path };
  } catch (error) {
    log.debug("The proxy address cannot be used.", { path, error: reason(error) });
    return none;
  }
}

function proxyCandidate(settings: Mapping): { address: string; port: number } | undefined {
  const authServers = settings["auth_servers"];
  const candidates = [
    { address: settings["proxy_server"], port: PROXY_PORT },
    { address: settings["auth_server"], port: AUTH_PORT },
    { address: Array.isArray(authServers) ? authServers[0] : undefined, port: AUTH_PORT },
  ];
  for (const { address, port } of candidates) {
    if (typeof address === "string" && !isNullWord(address)) return { address, port };
  }
  return undefined;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
