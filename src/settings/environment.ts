import { forgetProxyEnvironment, keptVariable } from "../platform/connect-proxy.ts";
import { refusedNames } from "./refused-variables.ts";

/** A variable that the tool reads, and what for. A hidden one is between updaters, or for tests and repairs. */
interface ReadVariable {
  /** The flag that it stands in for, with its commands; a flag on the command line wins (updater-core §1.1). */
  flag?: string;
  meaning: string;
  hidden?: boolean;
  /** Set to nothing, it still says something. */
  emptyCounts?: boolean;
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
  HTTPS_PROXY: { meaning: "CONNECT proxy for https URLs", emptyCounts: true },
  https_proxy: { meaning: "as `HTTPS_PROXY`, when that is not set", emptyCounts: true },
  HTTP_PROXY: { meaning: "proxy for http URLs, which only `--insecure` asks", emptyCounts: true },
  http_proxy: { meaning: "as `HTTP_PROXY`, when that is not set", emptyCounts: true },
  NO_PROXY: { meaning: "hosts, domains, addresses and networks that are asked directly", emptyCounts: true },
  no_proxy: { meaning: "as `NO_PROXY`, when that is not set", emptyCounts: true },
  [keptVariable("HTTPS_PROXY")]: kept("HTTPS_PROXY"),
  [keptVariable("HTTP_PROXY")]: kept("HTTP_PROXY"),
  [keptVariable("NO_PROXY")]: kept("NO_PROXY"),
  SUDO_UID: {
    meaning:
      "set by sudo; the folders above the DIR of `--root` may belong to that user, and where a proxy is missing, the advice is how sudo keeps its variable",
  },
  TMPDIR: { meaning: "directory in which the agent keeps the updater id; `/tmp` when not set" },
  JOURNAL_STREAM: { meaning: "set by systemd; no progress bar is drawn" },
  NO_COLOR: { meaning: "accepted; no output has colour in any case" },
} satisfies Record<string, ReadVariable>;

function kept(name: string) {
  const meaning = `\`${name}\` as \`enable --proxy-env\` kept it for the timer; a plain one wins, also an empty one`;
  return { meaning, hidden: true } satisfies ReadVariable;
}

type Environment = Record<string, string | undefined>;

export interface CapturedEnvironment {
  /** The variables of `READ_VARIABLES` that have a value, or whose emptiness counts. */
  values: Record<string, string>;
  /** The names of the refused variables that have a value, sorted. */
  refused: string[];
}

/** What the tool takes from its environment, once, at the start. */
export function captureEnvironment(environment: Environment): CapturedEnvironment {
  const values: Record<string, string> = {};
  for (const [name, variable] of Object.entries<ReadVariable>(READ_VARIABLES)) {
    const value = environment[name];
    if (value !== undefined && (value !== "" || variable.emptyCounts)) values[name] = value;
  }
  return { values, refused: refusedNames(Object.keys(environment)).filter((name) => environment[name] !== "") };
}

/** Deletes the refused variables, and the proxy variables, which the runtime would read by rules of its own. */
export function scrubEnvironment(environment: Environment): void {
  for (const name of refusedNames(Object.keys(environment))) delete environment[name];
  forgetProxyEnvironment(environment);
}
