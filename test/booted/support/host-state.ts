import { LOCKED_NAMESPACE, type UpdaterHost } from "./updater-host.ts";

const CONFIG = "/opt/teleport/default/update.yaml";
/** Every attempt is on record there, with its time, however it ends. */
const HISTORY = "/opt/teleport/default/history.jsonl";
/** When a release was proven, in the `proof.json` beside it: a release that is fetched again is proven again. */
const PROVEN_AT = /(\\"accepted\\": )\\"[^"]*"/;
const UNITS = ["teleport.service", "tbot.service", "teleport-update.service", "teleport-update.timer"];
const PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload";

/** All that a roll back must put back, as lines: files, links, and how systemd sees our units. */
export interface HostState {
  /** Without what every command makes as it takes the lock. */
  footprint: string[];
  units: string;
}

/** `config: false` leaves `update.yaml` out, where a run that fails is on record. */
export async function stateOf(host: UpdaterHost, { config = true } = {}): Promise<HostState> {
  const unstable = [HISTORY, ...(config ? [] : [CONFIG])];
  const isStable = (line: string) =>
    !LOCKED_NAMESPACE.includes(line) && !unstable.some((path) => line.startsWith(`${path} `));
  const units = await host.ask("systemctl", "show", `--property=${PROPERTIES}`, ...UNITS);
  const footprint = host.footprint().filter(isStable);
  return { footprint: footprint.map((line) => line.replace(PROVEN_AT, "$1then")), units };
}
