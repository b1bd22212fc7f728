import { join, resolve } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import { type Revision, revisionDirectory } from "./revision.ts";

const DEFAULT_INSTALL_DIRECTORY = "/opt/teleport";
const ADMIN_UNITS = "/etc/systemd/system";
/** The names of units and of their temporary files hold it, and no name of a file has more than 255 bytes. */
const SUFFIX_LIMIT = 128;
const RESERVED_SUFFIXES = ["default", "system"];

/** Paths that no namespace moves (installer-systemd, constants and §2.5). */
export const DEFAULT_LINK_DIRECTORY = "/usr/local/bin";
export const PACKAGE_DIRECTORY = "/opt/teleport/system";
export const UPDATER_NAME = "teleport-update";
export const V1_TIMER_UNIT = "teleport-upgrade.timer";

/**
 * One installation on a host: an install directory and a suffix, and every path that follows from them
 * (installer-systemd §1.1). All paths are paths of the host, without the prefix of `--root`.
 */
export interface Namespace {
  installDirectory: string;
  /** Empty for the default namespace. */
  suffix: string;
  isDefault: boolean;
  directory: string;
  versions: string;
  config: string;
  /** Our own options, beside upstream's `update.yaml`. */
  options: string;
  /** Our own record of the units as the last run left them. */
  unitRecord: string;
  /** What `enable --proxy-env` keeps for the updater's unit: may hold a password, so only root may read it. */
  proxyEnvironment: string;
  lock: string;
  /** Copies of this updater, which `<path>/teleport-update` links to. */
  updaterCopies: string;
  defaultLinkDirectory: string;
  defaultDataDirectory: string;
  teleport: ServicePaths;
  tbot: ServicePaths;
  teleportDropIn: string;
  updaterUnit: string;
  /** Ours, beside a unit that the setup of another updater wrote. A drop-in of an operator sorts behind it. */
  updaterDropIn: string;
  /** Ours, gives the updater's unit `proxyEnvironment`. */
  proxyDropIn: string;
  updaterTimer: string;
  needrestart: string;
  /** Only the default namespace meets the v1 updater. */
  v1DropIn: string | undefined;
  /** Written by the agent; `<tmp>` is upstream's choice: `$TMPDIR`, else `/tmp`. */
  idFile(temporaryDirectory: string): string;
}

export interface ServicePaths {
  /** File name of the unit, as systemctl takes it. */
  unit: string;
  unitFile: string;
  config: string;
  pidFile: string;
}

/** Checks `suffix` and `installDirectory` and answers every path; fails with `E_NAMESPACE` (updater-core §3.1). */
export function namespaceFor(suffix: string, installDirectory = ""): Namespace {
  checkSuffix(suffix);
  checkInstallDirectory(installDirectory);
  const install = resolve("/", installDirectory === "" ? DEFAULT_INSTALL_DIRECTORY : installDirectory);
  const tail = suffix === "" ? "" : `_${suffix}`;
  const directory = join(install, suffix === "" ? "default" : suffix);
  return {
    installDirectory: install,
    suffix,
    isDefault: suffix === "",
    directory,
    versions: join(directory, "versions"),
    config: join(directory, "update.yaml"),
    options: join(directory, "updater.yaml"),
    unitRecord: join(directory, "units.sha256"),
    proxyEnvironment: join(directory, "proxy.env"),
    lock: join(directory, "update.lock"),
    updaterCopies: join(directory, "updater"),
    defaultLinkDirectory: suffix === "" ? DEFAULT_LINK_DIRECTORY : join(directory, "bin"),
    defaultDataDirectory: `/var/lib/teleport${tail}`,
    teleport: {
      unit: `teleport${tail}.service`,
      // Not in /etc, for upstream's backwards compatibility.
      unitFile: suffix === "" ? "/lib/systemd/system/teleport.service" : `${ADMIN_UNITS}/teleport${tail}.service`,
      config: `/etc/teleport${tail}.yaml`,
      pidFile: `/run/teleport${tail}.pid`,
    },
    tbot: {
      unit: `tbot${tail}.service`,
      unitFile: `${ADMIN_UNITS}/tbot${tail}.service`,
      config: `/etc/tbot${tail}.yaml`,
      pidFile: `/run/tbot${tail}.pid`,
    },
    teleportDropIn: `${ADMIN_UNITS}/teleport${tail}.service.d/teleport-update${tail}.conf`,
    updaterUnit: `${ADMIN_UNITS}/teleport-update${tail}.service`,
    updaterDropIn: `${ADMIN_UNITS}/teleport-update${tail}.service.d/10-teleport-update${tail}.conf`,
    proxyDropIn: `${ADMIN_UNITS}/teleport-update${tail}.service.d/05-teleport-update-proxy${tail}.conf`,
    updaterTimer: `${ADMIN_UNITS}/teleport-update${tail}.timer`,
    needrestart: `/etc/needrestart/conf.d/teleport-update${tail}.conf`,
    v1DropIn: suffix === "" ? `${ADMIN_UNITS}/teleport-upgrade.service.d/teleport-update.conf` : undefined,
    idFile: (temporaryDirectory) => join(temporaryDirectory, `teleport-update${tail}.id`),
  };
}

/** `<versions>/<name of the revision>`. */
export function versionDirectory(namespace: Namespace, revision: Revision): string {
  return join(namespace.versions, revisionDirectory(revision));
}

function checkSuffix(suffix: string): void {
  if (RESERVED_SUFFIXES.includes(suffix)) {
    throw new UpdateError("E_NAMESPACE", `install suffix \`${suffix}\` is reserved`, {
      hint: "choose another name with `--install-suffix`",
    });
  }
  if (!/^[a-zA-Z0-9-]*$/.test(suffix)) {
    throw new UpdateError("E_NAMESPACE", `install suffix ${JSON.stringify(suffix)} must be alphanumeric`, {
      hint: "use letters, digits and `-` only",
    });
  }
  if (suffix.length > SUFFIX_LIMIT) {
    throw new UpdateError("E_NAMESPACE", `install suffix \`${suffix}\` has more than ${SUFFIX_LIMIT} characters`, {
      hint: "choose a shorter name with `--install-suffix`",
    });
  }
}

/** Units, links and the contract's command line hold this path. */
function checkInstallDirectory(directory: string): void {
  if (!/\p{C}/u.test(directory)) return;
  throw new UpdateError("E_NAMESPACE", `install directory ${JSON.stringify(directory)} has control characters`, {
    hint: "give a plain absolute path with `--install-dir`, or unset `TELEPORT_INSTALL_DIR`",
  });
}
