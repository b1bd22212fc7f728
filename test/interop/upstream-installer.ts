import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

/**
 * What upstream's updater does with links and versions, told from the facts alone (installer-systemd §1.3, §2.3 to
 * §2.7): nothing of the product is imported. All paths are paths of the host, whose tree lies at `root`.
 */
export interface UpstreamInstaller {
  /** The names of installed revisions; one odd directory name fails the whole list. */
  list(): string[];
  isLinked(revision: string): boolean;
  /** Replaces links, refuses other files; answers how to take it back. */
  link(revision: string): () => void;
  /** As the package's scripts do it: nothing is replaced. Answers what stands in the way. */
  tryLink(bin: string): string[];
  /** Answers the units that were left, as they are not of that revision. */
  unlink(revision: string): string[];
}

interface Place {
  /** The directory of the namespace. */
  namespace: string;
  linkDirectory: string;
  /** Unit files, by the program that they start. */
  units: Record<string, string>;
}

const REVISION = /^[^_]+(_ent(_fips)?)?$/;

export function upstreamInstaller(root: string, { namespace, linkDirectory, units }: Place): UpstreamInstaller {
  const versions = join(namespace, "versions");
  const binOf = (revision: string) => join(versions, revision, "bin");
  const programs = (bin: string) =>
    readdirSync(join(root, bin), { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : []));
  const kindAt = (path: string) => {
    const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined) return "missing";
    return stat.isSymbolicLink() ? "link" : "other";
  };
  const targetOf = (path: string) => (kindAt(path) === "link" ? readlinkSync(join(root, path)) : undefined);
  const replaceLink = (path: string, target: string) => {
    const temporary = join(root, `${path}.tmp`);
    symlinkSync(target, temporary);
    renameSync(temporary, join(root, path));
  };

  return {
    list() {
      const names = readdirSync(join(root, versions), { withFileTypes: true }).filter((entry) => entry.isDirectory());
      const odd = names.find(({ name }) => !REVISION.test(name));
      if (odd !== undefined) throw new Error(`invalid revision directory ${odd.name}`);
      return names.map(({ name }) => name).sort();
    },
    isLinked(revision) {
      const bin = binOf(revision);
      return programs(bin).some((name) => normalize(targetOf(join(linkDirectory, name)) ?? "") === join(bin, name));
    },
    link(revision) {
      const bin = binOf(revision);
      mkdirSync(join(root, linkDirectory), { recursive: true });
      const replaced: [path: string, target: string][] = [];
      for (const name of programs(bin)) {
        const [path, target] = [join(linkDirectory, name), join(bin, name)];
        if (kindAt(path) === "other") throw new Error(`file present: ${path}`);
        const before = targetOf(path);
        if (before === target) continue;
        if (before !== undefined) replaced.push([path, before]);
        replaceLink(path, target);
      }
      return () => {
        for (const [path, target] of replaced) replaceLink(path, target);
      };
    },
    tryLink(bin) {
      const blocked = programs(bin)
        .map((name) => ({ path: join(linkDirectory, name), target: join(bin, name) }))
        .filter(({ path, target }) => kindAt(path) === "other" || (targetOf(path) ?? target) !== target);
      if (blocked.length > 0) return blocked.map(({ path }) => path).sort();
      for (const name of programs(bin)) {
        if (kindAt(join(linkDirectory, name)) === "missing")
          symlinkSync(join(bin, name), join(root, linkDirectory, name));
      }
      return [];
    },
    unlink(revision) {
      const bin = binOf(revision);
      const marker = `# teleport-update ${basename(dirname(bin))}\n`;
      const left: string[] = [];
      for (const name of programs(bin)) {
        if (targetOf(join(linkDirectory, name)) !== join(bin, name)) continue;
        rmSync(join(root, linkDirectory, name));
        const unit = units[name];
        if (unit === undefined || kindAt(unit) === "missing") continue;
        const isOfRevision = readFileSync(join(root, unit)).subarray(0, marker.length).equals(Buffer.from(marker));
        if (isOfRevision) rmSync(join(root, unit));
        else left.push(unit);
      }
      return left;
    },
  };
}
