import { join } from "node:path";
import type { Namespace } from "../settings/namespace.ts";
import { linkedProgram, type UnitInputs, unitHeader } from "./unit-files.ts";
import { argument, programWord, quoted, word } from "./unit-syntax.ts";

/**
 * The agent's unit (installer-systemd §3.7). The SELinux flags of that section stand only in an unmerged branch of
 * upstream, so they are never written (updater-core §0).
 */
export function teleportUnit(inputs: UnitInputs): string {
  const { config, pidFile } = inputs.namespace.teleport;
  const program = programWord(linkedProgram(inputs, "teleport"));
  const fips = inputs.revision.flags.includes("FIPS") ? "--fips " : "";
  return `${unitHeader(inputs.revision)}
[Unit]
Description=Teleport Service
After=network.target

[Service]
Type=simple
Restart=always
RestartSec=5
EnvironmentFile=-/etc/default/teleport
ExecStart=${program} start ${fips}--config ${word(config)} --pid-file=${pidFile}
# systemd before 239 needs an absolute path here
ExecReload=/bin/sh -c "exec pkill -HUP -L -F ${pidFile}"
PIDFile=${pidFile}
LimitNOFILE=524288

[Install]
WantedBy=multi-user.target
`;
}

/** Where the bot listens for us: inside the agent's data directory, whatever the bot's own storage is (installer-systemd §3.8). */
export function botDirectory(dataDirectory: string): string {
  return join(dataDirectory, "bot");
}

/** The bot's unit (installer-systemd §3.8). It is written for every host, and enabled by nobody but the user. */
export function tbotUnit(inputs: UnitInputs & { dataDirectory: string }): string {
  const { config, pidFile } = inputs.namespace.tbot;
  const program = programWord(linkedProgram(inputs, "tbot"));
  const socket = `--diag-socket-for-updater=${join(botDirectory(inputs.dataDirectory), "debug.sock")}`;
  return `${unitHeader(inputs.revision)}
[Unit]
Description=${botName(inputs.namespace)} - Teleport Machine & Workload Identity Service
After=network.target

[Service]
Type=simple
User=root
Group=root
Restart=always
RestartSec=5
Environment=${quoted("TELEPORT_ANONYMOUS_TELEMETRY=1")}
ExecStart=${program} start -c ${word(config)} ${argument(word(socket))} --pid-file=${pidFile}
ExecReload=/bin/kill -HUP $MAINPID
PIDFile=${pidFile}
LimitNOFILE=524288

[Install]
WantedBy=multi-user.target
`;
}

function botName(namespace: Namespace): string {
  return namespace.tbot.unit.replace(/\.service$/, "");
}
