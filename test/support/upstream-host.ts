import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { resolveInRoot } from "../../src/platform/root-path.ts";
import { must } from "./must.ts";

/**
 * A host as upstream's updater leaves it. Its texts are typed by hand from the facts (updater-core §2 and §3,
 * installer-systemd §1 and §3), and never written by our own writer; this file adds only what is no text: unpacked
 * releases and links. `PROXY` in a text stands for the address of the test's server.
 */
export interface UpstreamHost {
  /** Folders of `test/fixtures/upstream-host`, each a tree from `/`, laid over each other. */
  trees: readonly string[];
  suffix: string;
  dataDirectory: string;
  /** Name of the version directory that is linked. */
  active: string;
  /** Names of further version directories. */
  others: readonly string[];
}

const DEFAULT = { trees: ["default"], suffix: "", dataDirectory: "/var/lib/teleport", active: "18.1.0", others: [] };

export const UPSTREAM_HOSTS = {
  /** `enable --proxy PROXY`, and nothing since. */
  default: DEFAULT,
  /** `pin --proxy PROXY --group night`, beside an installed package. */
  pinned: { ...DEFAULT, trees: ["default", "package", "pinned"] },
  /** Every key of `update.yaml`. */
  history: { ...DEFAULT, trees: ["default", "history"], others: ["18.0.0"] },
  /** An update failed and was reverted; the backup that `update.yaml` names is gone (updater-core §8.2, point 3). */
  "failed update": { ...DEFAULT, trees: ["default", "failed-update"], others: ["18.2.0"] },
  enterprise: { ...DEFAULT, trees: ["default", "enterprise"], active: "18.1.0_ent_fips", others: ["18.1.0_ent"] },
  blue: { ...DEFAULT, trees: ["blue"], suffix: "blue", dataDirectory: "/srv/blue" },
} satisfies Record<string, UpstreamHost>;

export interface UpstreamSite {
  /** The address for `PROXY`. */
  proxy: string;
  /** Paths of release archives, by the name of their version directory. */
  archives: Readonly<Record<string, string>>;
}

const FIXTURES = join(import.meta.dir, "../fixtures/upstream-host");
const PACKAGE = "/opt/teleport/system";
const NOT_INSTALLED = ["install", "install-selinux.sh", "examples"];
const SHARED_TEXTS = ["README.md", "CHANGELOG.md", "VERSION", "LICENSE-community"];

/** Lays the host out in the tree at `root`. */
export async function layUpstreamHost(root: string, host: UpstreamHost, site: UpstreamSite): Promise<void> {
  const at = (path: string) => makeParents(resolveInRoot(root, path, "parents"));
  const link = (path: string, target: string) => symlinkSync(target, at(path));

  for (const path of upstreamTexts(host)) {
    writeFileSync(at(path), upstreamText(host, path).replaceAll("PROXY", site.proxy));
  }
  const namespace = join("/opt/teleport", host.suffix || "default");
  for (const name of [host.active, ...host.others]) {
    await unpackAsUpstream(at(join(namespace, "versions", name)), site.archives[name] ?? "");
  }
  const bin = join(namespace, "versions", host.active, "bin");
  const links = host.suffix === "" ? "/usr/local/bin" : join(namespace, "bin");
  for (const name of readdirSync(at(bin))) link(join(links, name), join(bin, name));

  const tail = host.suffix === "" ? "" : `_${host.suffix}`;
  const timer = `teleport-update${tail}.timer`;
  link(`/etc/systemd/system/teleport${tail}.service.wants/${timer}`, `/etc/systemd/system/${timer}`);
  mkdirSync(join(at(host.dataDirectory), "bot"), { recursive: true, mode: 0o700 });
  if (host.trees.includes("package")) cpSync(at(bin), at(join(PACKAGE, "bin")), { recursive: true });
}

/** The paths of the texts of a host, from `/`. */
export function upstreamTexts(host: Pick<UpstreamHost, "trees">): string[] {
  return [...new Set(host.trees.flatMap(textsOf))].sort();
}

/** A text of a host, as it was typed. */
export function upstreamText(host: Pick<UpstreamHost, "trees">, path: string): string {
  const tree = host.trees.findLast((candidate) => textsOf(candidate).includes(path));
  if (tree === undefined) throw new Error(`that host has no \`${path}\``);
  return readFileSync(join(FIXTURES, tree, path), "utf8");
}

/** Makes a version directory from an archive (installer-systemd §1.4). */
export async function unpackAsUpstream(directory: string, archive: string): Promise<void> {
  const [bin, units, share] = [join(directory, "bin"), join(directory, "lib/systemd/system"), join(directory, "share")];
  for (const folder of [bin, units, share]) mkdirSync(folder, { recursive: true });
  await must(["tar", "-xzf", archive, "-C", bin, "--strip-components=1"]);
  renameSync(join(bin, "examples/systemd/teleport.service"), join(units, "teleport.service"));
  for (const name of SHARED_TEXTS) renameSync(join(bin, name), join(share, name));
  for (const name of NOT_INSTALLED) rmSync(join(bin, name), { recursive: true });
  writeFileSync(join(directory, "sha256"), (await must(["sha256sum", archive])).slice(0, 64));
}

function textsOf(tree: string): string[] {
  return [...new Glob("**/*").scanSync(join(FIXTURES, tree))].map((path) => `/${path}`);
}

function makeParents(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return path;
}
