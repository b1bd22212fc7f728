import { forgetProxyEnvironment } from "../platform/connect-proxy.ts";

/** A variable that the tool reads, and what for. A hidden one is between updaters, or for tests and repairs. */
interface ReadVariable {
  /** The flag that it stands in for, with its commands; a flag on the command line wins (updater-core §1.1). */
  flag?: string;
  meaning: string;
  hidden?: boolean;
}

/** Every variable that the tool reads; `docs/environment.md` is generated from this table. An empty value is none. */
export const READ_VARIABLES = {
  TELEPORT_INSTALL_SUFFIX: { flag: "--install-suffix", meaning: "name of the installation" },
  TELEPORT_INSTALL_DIR: { flag: "--install-dir", meaning: "directory that holds the installations", hidden: true },
  TELEPORT_PROXY: { flag: "enable --proxy", meaning: "address of the cluster's proxy" },
  TELEPORT_UPDATE_GROUP: { flag: "enable --group", meaning: "update group of this host" },
  TELEPORT_CDN_BASE_URL: { flag: "enable --base-url", meaning: "https URL that releases are downloaded from" },
  TELEPORT_ALLOW_PROXY_CONFLICT: {
    flag: "enable --allow-proxy-conflict",
    meaning: "accept a proxy that differs from the one in `teleport.yaml`",
  },
  TELEPORT_UPDATE_VERSION: {
    flag: "enable --force-version",
    meaning: "version to install instead of the cluster's",
    hidden: true,
  },
  TELEPORT_UPDATE_FLAGS: {
    flag: "enable --force-flag",
    meaning: "edition flags to add, one a line",
    hidden: true,
  },
  TELEPORT_PATH: { flag: "enable --path", meaning: "directory that the programs are linked into", hidden: true },
  TELEPORT_UPDATE_SETUP_VERSION: { flag: "setup --version", meaning: "version that the units start", hidden: true },
  TELEPORT_UPDATE_SETUP_FLAGS: {
    flag: "setup --flag",
    meaning: "flags of that version, one a line",
    hidden: true,
  },
  TELEPORT_UPDATE_SETUP_TBOT: { flag: "setup --tbot", meaning: "write the unit of tbot too", hidden: true },
  TELEPORT_UPDATE_SELINUX_SSH: {
    flag: "setup --selinux-ssh",
    meaning: "install the SELinux module for Teleport's SSH service; leaves what `enable` stores as it is",
    hidden: true,
  },
  TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: {
    meaning: "set for `setup` by some updaters; has no effect here",
    hidden: true,
  },
  HTTPS_PROXY: { meaning: "CONNECT proxy for https URLs" },
  https_proxy: { meaning: "as `HTTPS_PROXY`, when that is not set" },
  HTTP_PROXY: { meaning: "proxy for http URLs, which only `--insecure` asks" },
  http_proxy: { meaning: "as `HTTP_PROXY`, when that is not set" },
  NO_PROXY: { meaning: "hosts, domains, addresses and networks that are asked directly" },
  no_proxy: { meaning: "as `NO_PROXY`, when that is not set" },
  TMPDIR: { meaning: "directory in which the agent keeps the updater id; `/tmp` when not set" },
  JOURNAL_STREAM: { meaning: "set by systemd; no progress bar is drawn" },
  NO_COLOR: { meaning: "accepted; no output has colour in any case" },
} satisfies Record<string, ReadVariable>;

/**
 * Variables that could make this process, its runtime or its children do something else than what is written here. They
 * are deleted at the start, and a warning names those that were set; `*` stands for any ending. Some act before the first
 * line of ours, so units unset them as well, and sudo must not keep them.
 */
export const REFUSED_VARIABLES = {
  BUN_OPTIONS: "loads code into the runtime",
  BUN_BE_BUN: "turns the program into the bare runtime",
  "BUN_INSPECT*": "opens a debugger",
  "BUN_CONFIG_*": "changes the runtime's network, or prints what is sent",
  "BUN_JSC_*": "changes the JavaScript engine",
  NODE_OPTIONS: "loads code into runtimes",
  NODE_TLS_REJECT_UNAUTHORIZED: "turns certificate checks off",
  NODE_EXTRA_CA_CERTS: "adds to the trusted authorities; use `--ca-file`",
  SSL_CERT_FILE: "replaces the trusted authorities; use `--ca-file`",
  SSL_CERT_DIR: "replaces the trusted authorities; use `--ca-file`",
  LD_PRELOAD: "loads code into programs",
  LD_LIBRARY_PATH: "loads code into programs",
  LD_AUDIT: "loads code into programs",
} satisfies Record<string, string>;

type Environment = Record<string, string | undefined>;

export interface CapturedEnvironment {
  /** The variables of `READ_VARIABLES` that have a value. */
  values: Record<string, string>;
  /** The names of the refused variables that have a value, sorted. */
  refused: string[];
}

/** What the tool takes from its environment, once, at the start. */
export function captureEnvironment(environment: Environment): CapturedEnvironment {
  const values: Record<string, string> = {};
  for (const name of Object.keys(READ_VARIABLES)) {
    const value = environment[name];
    if (value !== undefined && value !== "") values[name] = value;
  }
  return { values, refused: refusedNames(environment).filter((name) => environment[name] !== "") };
}

/** Deletes the refused variables, and the proxy variables, which the runtime would read by rules of its own. */
export function scrubEnvironment(environment: Environment): void {
  for (const name of refusedNames(environment)) delete environment[name];
  forgetProxyEnvironment(environment);
}

function refusedNames(environment: Environment): string[] {
  const patterns = Object.keys(REFUSED_VARIABLES);
  const isRefused = (name: string) =>
    patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
  return Object.keys(environment).filter(isRefused).sort();
}
