import { join } from "node:path";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { knownRefusedNames } from "../settings/refused-variables.ts";
import type { Revision } from "../settings/revision.ts";
import { marker } from "./marker.ts";
import { argument, filePattern, programWord, quoted } from "./unit-syntax.ts";

/** What the text of units depends on. */
export interface UnitInputs {
  namespace: Namespace;
  revision: Revision;
  /** The link directory; empty for the namespace's own. */
  path: string;
}

/** The marker, and a line for who finds the file (installer-systemd §3.1). */
export function unitHeader(revision: Revision): string {
  return `${marker(revision)}# Written again at every update: change it with a drop-in (\`systemctl edit\`), not here.\n`;
}

/** The path of a program in the link directory. */
export function linkedProgram({ namespace, path }: UnitInputs, name: string): string {
  return join(path === "" ? namespace.defaultLinkDirectory : path, name);
}

/** `teleport-update[_S].service` (installer-systemd §3.2). The suffix option is there even when it is empty. */
export function updaterUnit(inputs: UnitInputs): string {
  const { suffix, installDirectory } = inputs.namespace;
  const program = programWord(linkedProgram(inputs, UPDATER_NAME));
  const directory = argument(quoted(`--install-dir=${installDirectory}`));
  return `${unitHeader(inputs.revision)}
[Unit]
Description=Teleport auto-update service

[Service]
Type=oneshot
${unsetVariables()}ExecStart=${program} --install-suffix=${suffix} ${directory} update
`;
}

/**
 * The drop-in that unsets the same variables for an updater's unit that is not from this file. Ours alone: the contract
 * knows nothing of it, and without it the unit is what its author made.
 */
export function updaterDropIn({ revision }: UnitInputs): string {
  return `${unitHeader(revision)}
[Service]
${unsetVariables()}`;
}

/**
 * The drop-in that gives the updater's unit what `enable --proxy-env` kept. A file, as what stands in a unit is shown to
 * everybody; the `-` is for the day when another updater has removed the namespace.
 */
export function proxyDropIn({ namespace, revision }: UnitInputs): string {
  return `${unitHeader(revision)}
[Service]
EnvironmentFile=-${filePattern(namespace.proxyEnvironment)}
`;
}

/** `teleport-update[_S].timer`: it is wanted by the agent, so it runs where the agent does (installer-systemd §3.3). */
export function updaterTimer({ namespace, revision }: UnitInputs): string {
  return `${unitHeader(revision)}
[Unit]
Description=Teleport auto-update timer unit

[Timer]
OnActiveSec=1m
OnUnitActiveSec=5m
RandomizedDelaySec=1m

[Install]
WantedBy=${namespace.teleport.unit}
`;
}

/** The drop-in that tells the agent where the updater keeps its settings (installer-systemd §3.4). */
export function teleportDropIn({ namespace, revision }: UnitInputs): string {
  return `${unitHeader(revision)}
[Service]
Environment=${quoted(`TELEPORT_UPDATE_CONFIG_FILE=${namespace.config}`)}
Environment=${quoted(`TELEPORT_UPDATE_INSTALL_DIR=${namespace.installDirectory}`)}
`;
}

/** The drop-in that makes the v1 updater harmless, even when it is started by hand (installer-systemd §3.5). */
export function v1DropIn({ revision }: UnitInputs): string {
  const notice = "teleport-update has disabled this script, please remove the package teleport-ent-updater";
  return `${unitHeader(revision)}
[Service]
ExecStart=
ExecStart=-/bin/echo ${quoted(notice)}
`;
}

/** Keeps needrestart from hard restarts of our services after package upgrades; Perl, no header (installer-systemd §3.6). */
export function needrestartConfig(units: readonly string[]): string {
  return units.map((unit) => `$nrconf{override_rc}{qr(^${unit.replaceAll(".", "\\.")})} = 0;\n`).join("");
}

/** Some act before the first line of the program, and what the manager's environment holds would steer an updater that runs as root. */
function unsetVariables(): string {
  return knownRefusedNames()
    .map((names) => `UnsetEnvironment=${names.join(" ")}\n`)
    .join("");
}
