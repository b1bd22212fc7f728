import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hostProcesses } from "../../src/platform/host-processes.ts";
import type { Processes } from "../../src/platform/processes.ts";
import type { World } from "../../src/platform/world.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { type EnrollRequest, enroll } from "../../src/update/enroll.ts";
import type { ImageRequest } from "../../src/update/image.ts";
import { readStatus, type StatusReport } from "../../src/update/status.ts";
import { type UpdateRequest, update } from "../../src/update/update.ts";
import type { Site } from "./site.ts";
import { type TemporaryHost, temporaryHost } from "./temporary-host.ts";
import { type KeptLog, testWorld } from "./test-world.ts";
import { snapshot } from "./tree.ts";

/** What is asked about a host that is no image, or one like any other. */
export const NO_IMAGE: ImageRequest = { architecture: undefined, updater: "", isOffline: false };

export const NAMESPACE = namespaceFor("");

/** A host to update, in a temporary folder: its tree, and the world that the update room gets to see. */
export interface UpdateHost extends TemporaryHost {
  world: World & { log: KeptLog };
  /** Runs `enable` with the site's server as proxy and mirror, unless the request says otherwise. */
  enroll(request?: Partial<EnrollRequest>): Promise<void>;
  /** Runs `update --now`, unless the request says otherwise. */
  update(request?: Partial<UpdateRequest>): Promise<void>;
  status(): Promise<StatusReport>;
  read(path: string): string;
  /** `update.yaml` with `PROXY` for the server's address; undefined when there is none. */
  config(): string | undefined;
  /** Writes `update.yaml`, with the server's address for `PROXY`. */
  setConfig(text: string): void;
  /** The whole tree, but for what every command makes before it looks at anything: the lock, and the folder of versions. */
  tree(): string[];
  /** What `systemctl` was asked to do so far; queries are left out. */
  systemctl(): string[];
}

/** A host that does not run, as behind `--root`. */
export function offlineHost(site: Site, parts: Partial<World> = {}): UpdateHost {
  const host = temporaryHost();
  return updateHost(site, host, testWorld(host.root, { program: OWN_PROGRAM, http: site.http, ...parts }));
}

/**
 * A host that seems to run: its tree passes for `/`, the programs of its releases really run, and systemd is a script that
 * keeps its state in files. What a true systemd makes of it is for the booted tests.
 */
export function runningHost(site: Site, parts: Partial<World> = {}): UpdateHost {
  const host = temporaryHost();
  host.files.makeDirectory("/run/systemd/system");
  host.files.makeDirectory("/run/units");
  host.write(SYSTEMCTL, systemctlScript(host.root), 0o755);
  const running: Partial<World> = {
    program: OWN_PROGRAM,
    http: site.http,
    files: { ...host.files, root: "/" },
    processes: processesInside(host.root),
    health: { intervalMs: 5, deadlineMs: 20 },
  };
  return updateHost(site, host, testWorld(host.root, { ...running, ...parts }));
}

/** A running host, enrolled into 18.0.0, on which both services are enabled and active. */
export async function servingHost(
  site: Site,
  request: Partial<EnrollRequest> = {},
  parts: Partial<World> = {},
): Promise<UpdateHost> {
  const host = runningHost(site, parts);
  await host.enroll({ forceVersion: "18.0.0", ...request });
  for (const { unit } of [NAMESPACE.teleport, NAMESPACE.tbot]) {
    for (const state of ["enabled", "active"]) host.write(`/run/units/${unit}.${state}`, "");
  }
  host.files.removeFile(SYSTEMCTL_LOG);
  return host;
}

/** Stands for our own compiled program, of which a host keeps a copy. */
const OWN_PROGRAM = "/bin/true";

const SYSTEMCTL = "/usr/bin/systemctl";
const SYSTEMCTL_LOG = "/run/systemctl.log";
const LEFT_OUT = ["/opt", "/opt/teleport", NAMESPACE.directory, NAMESPACE.versions, NAMESPACE.lock, SYSTEMCTL_LOG];

const REQUEST: Omit<EnrollRequest, "proxy" | "baseUrl"> = {
  command: "enable",
  namespace: NAMESPACE,
  group: "",
  digest: "",
  from: "",
  path: "",
  selinuxSsh: undefined,
  overwrite: false,
  allowProxyConflict: false,
  forceVersion: "",
  forceFlags: [],
  selfSetup: false,
  handOver: false,
  options: {},
  keepProxies: undefined,
  proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
  viaSudo: false,
  image: NO_IMAGE,
  insecure: false,
  debug: false,
  logFormat: "text",
  temporaryDirectory: "/tmp",
};

const UPDATE: UpdateRequest = {
  namespace: NAMESPACE,
  isNow: true,
  selfSetup: false,
  insecure: false,
  debug: false,
  logFormat: "text",
  temporaryDirectory: "/tmp",
};

function updateHost(site: Site, host: TemporaryHost, world: UpdateHost["world"]): UpdateHost {
  const { address, baseUrl } = site.server;
  return {
    ...host,
    world,
    enroll: (request = {}) => enroll(world, { ...REQUEST, proxy: address, baseUrl, ...request }),
    update: (request = {}) => update(world, { ...UPDATE, ...request }),
    status: () => readStatus(world, { namespace: NAMESPACE, insecure: false }),
    read: (path) => readFileSync(join(host.root, path), "utf8"),
    config: () => host.files.readText(NAMESPACE.config, 1 << 16)?.replaceAll(address, "PROXY"),
    setConfig: (text) => host.write(NAMESPACE.config, text.replaceAll("PROXY", address)),
    tree: () =>
      snapshot(host.root, (path) => !LEFT_OUT.includes(path) && !/\/(history\.jsonl|update\.lock)$/.test(path)),
    systemctl: () =>
      host.files
        .readText(SYSTEMCTL_LOG, 1 << 16)
        ?.trimEnd()
        .split("\n") ?? [],
  };
}

/** Programs of the host run where they really lie, and find its `systemctl`; everything else is this machine's. */
function processesInside(root: string): Processes {
  return {
    ...hostProcesses,
    find: (name) => (name === "systemctl" ? SYSTEMCTL : hostProcesses.find(name)),
    run: ([program, ...args], options = {}) =>
      hostProcesses.run([existsSync(join(root, program)) ? join(root, program) : program, ...args], {
        ...options,
        passOutput: false,
        environment: { ...options.environment, PATH: `${root}/usr/bin:/usr/bin:/bin`, STAND_IN_ROOT: root },
      }),
  };
}

/**
 * Units are enabled and active by files in `/run/units`; verbs in `/run/failing-verbs` fail, and the version in
 * `/run/bad-version` does not come up.
 */
function systemctlScript(root: string): string {
  return `#!/bin/sh
cd '${root}' || exit
if grep -qx -e "$1" run/failing-verbs 2>/dev/null; then exit 1; fi
case "$1" in
  --version) echo 'systemd 252 (252.36-1)'; exit ;;
  is-active | is-enabled) test -e "run/units/$3.\${1#is-}"; exit ;;
  list-unit-files) test -e "etc/systemd/system/$3" || test -e "lib/systemd/system/$3"; exit ;;
esac
echo "$*" >>'.${SYSTEMCTL_LOG}'
case "$1 $3" in
  'enable --now') : >"run/units/$2.enabled"; : >"run/units/$2.active" ;;
  'enable '*) : >"run/units/$2.enabled" ;;
  'disable --now') rm -f "run/units/$2.enabled" "run/units/$2.active" ;;
  'disable '*) rm -f "run/units/$2.enabled" ;;
  reload* | try-restart*) ! readlink usr/local/bin/teleport | grep -q "/$(cat run/bad-version)/" ;;
esac
`;
}
