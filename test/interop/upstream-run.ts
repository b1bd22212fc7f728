import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UpdateHost } from "../support/update-host.ts";
import { NAMESPACE } from "../support/update-host.ts";
import { UPSTREAM_HOSTS, unpackAsUpstream, upstreamText, upstreamTexts } from "../support/upstream-host.ts";
import { upstreamInstaller } from "./upstream-installer.ts";

const TYPED = UPSTREAM_HOSTS.default;
const TIMER_LINK = `/etc/systemd/system/${NAMESPACE.teleport.unit}.wants/teleport-update.timer`;

export interface UpstreamMove {
  version: string;
  archive: string;
  proxy: string;
  /** It is killed when so many links are placed. */
  cutAfterLinks?: number;
}

/**
 * What upstream's `enable` or `update` makes of a host in whatever state, when it succeeds (updater-core §4.2 and §4.3):
 * it knows the version directory, the links, its units and `update.yaml`, and passes over all that is ours.
 */
export async function upstreamMoves(
  { root }: Pick<UpdateHost, "root">,
  { version, archive, proxy, cutAfterLinks }: UpstreamMove,
): Promise<void> {
  const at = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  const installer = upstreamInstaller(root, {
    namespace: NAMESPACE.directory,
    linkDirectory: NAMESPACE.defaultLinkDirectory,
    units: {},
  });
  const place = join(NAMESPACE.versions, version);
  // What is there with a digest is taken for that version (§5.2).
  if (!existsSync(at(join(place, "sha256")))) {
    rmSync(at(place), { recursive: true, force: true });
    await unpackAsUpstream(at(place), archive);
  }
  if (cutAfterLinks !== undefined) return linkSome(root, join(place, "bin"), cutAfterLinks);
  installer.link(version);

  for (const path of upstreamTexts(TYPED).filter((text) => /^\/(etc|lib)\/systemd\//.test(text))) {
    writeAnew(at(path), upstreamText(TYPED, path).replaceAll(TYPED.active, version));
  }
  rmSync(at(TIMER_LINK), { force: true });
  symlinkSync(NAMESPACE.updaterTimer, at(TIMER_LINK));

  const { active, backup } = revisionsIn(at(NAMESPACE.config));
  const last = active === version ? backup : active;
  const typed = upstreamText(TYPED, NAMESPACE.config).replace("PROXY", proxy).replace(TYPED.active, version);
  writeAnew(at(NAMESPACE.config), last === "" ? typed : `${typed}    backup:\n        version: ${last}\n`);

  const names = readdirSync(at(NAMESPACE.versions));
  const kept = [version, active, backup];
  for (const name of names.length < 3 ? [] : names.filter((one) => !kept.includes(one) && !installer.isLinked(one))) {
    rmSync(at(join(NAMESPACE.versions, name)), { recursive: true });
  }
}

function linkSome(root: string, bin: string, count: number): void {
  for (const name of readdirSync(join(root, bin)).slice(0, count)) {
    const path = join(root, NAMESPACE.defaultLinkDirectory, name);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(join(bin, name), path);
  }
}

/** The tree may be a copy that shares its files with others. */
function writeAnew(at: string, text: string): void {
  rmSync(at, { force: true });
  writeFileSync(at, text);
}

function revisionsIn(config: string): { active: string; backup: string } {
  const text = existsSync(config) ? readFileSync(config, "utf8") : "";
  const versionOf = (key: string) =>
    new RegExp(`^ {4}${key}:\\n {8}version: "?([^"\\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return { active: versionOf("active"), backup: versionOf("backup") };
}
