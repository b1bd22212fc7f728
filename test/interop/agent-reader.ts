import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * The agent, as far as it reads what an updater left. Written from the facts alone (updater-core §3.5, installer-systemd
 * §5.3): nothing of the product is imported, so a mistake there cannot hide here. All paths are paths of the host, whose
 * tree lies at `root`.
 */
export interface Hello {
  group: string;
  status: "OK" | "DISABLED" | "PINNED";
  idFile: string;
  path: string;
}

const VERSIONS = "versions";

/** Where the agent that runs from `executable` looks for its updater's settings: its environment counts first. */
export function configPathOf(executable: string, environment: Record<string, string> = {}): string | undefined {
  return environment["TELEPORT_UPDATE_CONFIG_FILE"] ?? derivedConfigPath(executable);
}

/** An executable of the newest agent is managed when it lies in a versions directory beside a configuration. */
export function isManaged(root: string, executable: string): boolean {
  const config = derivedConfigPath(executable);
  return config !== undefined && existsSync(join(root, config));
}

/** As 17.x tells it: below the install directory, but not below the package's. */
export function isManagedFor17(executable: string, environment: Record<string, string>): boolean {
  const installDirectory = environment["TELEPORT_UPDATE_INSTALL_DIR"] ?? "/opt/teleport";
  return isBelow(installDirectory, executable) && !isBelow("/opt/teleport/system", executable);
}

/** What the agent tells its cluster about its updater; fails for a file that it would refuse. */
export function helloFrom(root: string, config: string): Hello {
  const { version, kind, spec, status } = Bun.YAML.parse(readFileSync(join(root, config), "utf8")) as {
    [key in "version" | "kind"]: unknown;
  } & Record<"spec" | "status", Record<string, unknown>>;
  if (kind !== "update_config" || version !== "v1")
    throw new Error(`the agent refuses kind ${kind}, version ${version}`);
  const enabled = spec["pinned"] === true ? "PINNED" : "OK";
  return {
    group: String(spec["group"] ?? "default"),
    status: spec["enabled"] === true ? enabled : "DISABLED",
    idFile: String(status["id_file"] ?? ""),
    path: String(spec["path"] ?? ""),
  };
}

/** The path that the agent writes into units and scripts of its own, and whether it outlives an update. */
export function stableExecutable(root: string, executable: string): { path: string; isStable: boolean } {
  const name = basename(executable);
  const config = derivedConfigPath(executable);
  if (config === undefined || !existsSync(join(root, config))) return { path: executable, isStable: true };
  const linked = join(helloFrom(root, config).path, name);
  return resolves(root, linked) === undefined
    ? { path: executable, isStable: false }
    : { path: linked, isStable: true };
}

/** The values that systemd gives an agent from the drop-in of its unit. */
export function dropInEnvironment(text: string): Record<string, string> {
  const values = [...text.matchAll(/^Environment="((?:[^"\\]|\\.)*)"$/gm)].map(([, value = ""]) =>
    value.replace(/\\(.)/g, "$1"),
  );
  return Object.fromEntries(
    values.map((value) => [value.slice(0, value.indexOf("=")), value.slice(value.indexOf("=") + 1)]),
  );
}

/** Where a path of the host leads in the end, links followed inside its tree; undefined when nothing is there. */
export function resolves(root: string, path: string): string | undefined {
  const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (!stat?.isSymbolicLink()) return stat === undefined ? undefined : path;
  return resolves(root, resolve(dirname(path), readlinkSync(join(root, path))));
}

/** `<X>/versions/<rev>/bin/<name>` gives `<X>/update.yaml`. */
function derivedConfigPath(executable: string): string | undefined {
  const bin = dirname(executable);
  const versions = dirname(dirname(bin));
  return basename(bin) === "bin" && basename(versions) === VERSIONS
    ? join(dirname(versions), "update.yaml")
    : undefined;
}

/** By text, without looking at the disk. */
function isBelow(parent: string, path: string): boolean {
  return path.startsWith(`${parent}/`);
}
