import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { isStaging, type Operation } from "./operations.ts";

/**
 * A disk that forgets. It follows the operations of a run and knows for each what made it last: for the data of a file a
 * sync of the file, for a name a sync of its directory. So it can answer what the disk may hold when the power goes after
 * the first n operations: of what was not synced any part may be there, in any order. A rename is never half there.
 */
export class CrashDisk {
  readonly #root: Folder;
  readonly #edits: NameEdit[] = [];

  /** `start` is the tree at the beginning; `end` one that an undisturbed run left, which holds what the trace cut off. */
  constructor(
    start: string,
    private readonly operations: readonly Operation[],
    private readonly end: string,
  ) {
    this.#root = readFolder(start);
    for (const [index, operation] of operations.entries()) {
      try {
        this.#follow(operation, index);
      } catch (error) {
        throw new Error(`cannot follow ${describeOperation(operation)}`, { cause: error });
      }
    }
  }

  /** What the disk may hold after the first `count` operations, worst orders first; images that are the same have the same `key`. */
  imagesAfter(count: number): Image[] {
    const open = this.#edits.filter(({ index, syncedAt }) => index < count && syncedAt >= count);
    const choices: { name: string; kept: ReadonlySet<NameEdit>; losesData: boolean }[] = [
      { name: "nothing un-synced kept", kept: new Set(), losesData: true },
      ...open.map((edit) => ({
        name: `only ${describeOperation(this.operations[edit.index])} kept`,
        kept: new Set([edit]),
        losesData: true,
      })),
      { name: "names kept, data lost", kept: new Set(open), losesData: true },
      { name: "all kept", kept: new Set(open), losesData: false },
    ];
    return choices.map(({ name, kept, losesData }) => {
      const edits = this.#edits.filter((edit) => edit.index < count && (edit.syncedAt < count || kept.has(edit)));
      const entries = entriesAfter(edits);
      const entriesOf = (folder: Folder) => entries.get(folder) ?? folder.atStart;
      const stateOf = (file: File) => stateAt(file, count, losesData);
      return {
        name,
        key: keyOf(this.#root, entriesOf, stateOf),
        layOut: (root) =>
          layOut(this.#root, root, entriesOf, stateOf, (file, at) => this.#wholeFile(file, at.slice(root.length))),
      };
    });
  }

  #follow(operation: Operation, index: number): void {
    switch (operation.kind) {
      case "open": {
        const present = this.#find(operation.path);
        if (present === undefined) {
          const empty = { data: [], mode: operation.mode };
          this.#edit(index, [operation.path, { kind: "file", states: [{ index: -1, ...empty }], syncs: [] }]);
        } else if (operation.truncates) changeFile(present, index, () => ({ data: [] }));
        return;
      }
      case "write":
        changeFile(this.#find(operation.path), index, ({ data }) => ({
          data: [...data, operation.bytes ?? "unknown"],
        }));
        return;
      case "mode": {
        const node = this.#find(operation.path);
        if (node?.kind === "file") changeFile(node, index, () => ({ mode: operation.mode }));
        else throw new Error("only files change their mode");
        return;
      }
      case "directory": {
        const folder: Folder = { kind: "folder", mode: operation.mode, atStart: new Map(), entries: new Map() };
        this.#edit(index, [operation.path, folder]);
        return;
      }
      case "symlink":
        this.#edit(index, [operation.path, { kind: "link", target: operation.target }]);
        return;
      case "rename": {
        const node = this.#find(operation.from);
        if (node === undefined) throw new Error("there is nothing to rename");
        this.#edit(index, [operation.path, node], [operation.from, undefined]);
        return;
      }
      case "remove":
        this.#edit(index, [operation.path, undefined]);
        return;
      case "sync": {
        const node = this.#find(operation.path);
        if (node?.kind === "file") node.syncs.push(index);
        for (const edit of this.#edits) {
          if (edit.folder === node && edit.syncedAt === Number.POSITIVE_INFINITY) edit.syncedAt = index;
        }
        return;
      }
      case "other":
        throw new Error("it is not known what it does");
    }
  }

  /** The first place is the one whose folder makes the edit last. */
  #edit(index: number, ...places: [path: string, node: Node | undefined][]): void {
    const changes = places.map(([path, node]) => {
      const folder = this.#find(dirname(path));
      if (folder?.kind !== "folder") throw new Error(`there is no folder for ${path}`);
      return { folder, name: basename(path), node };
    });
    for (const { folder, name, node } of changes) place(folder.entries, name, node);
    const folder = changes[0]?.folder;
    if (folder !== undefined) this.#edits.push({ index, folder, syncedAt: Number.POSITIVE_INFINITY, changes });
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node?.kind === "folder" ? node.entries.get(name) : undefined;
    }
    return node;
  }

  /**
   * A file of which the trace does not hold everything: where the run left it, or, as a run that was put back removed it,
   * where an undisturbed one has it. What never left staging is nobody's, so nothing of it need be there.
   */
  #wholeFile(file: File, path: string): string | undefined {
    const left = [pathOf(this.#root, file), path].find(
      (name) => name !== undefined && existsSync(join(this.end, name)),
    );
    if (left !== undefined) return join(this.end, left);
    if (isStaging(path)) return undefined;
    throw new Error(`the content of ${path} is not known`);
  }
}

/** One state of the disk after a crash. */
export interface Image {
  /** What of the un-synced is there. */
  name: string;
  key: string;
  /** Makes the tree at `root`, which must not be there yet. */
  layOut(root: string): void;
}

export function describeOperation(operation: Operation | undefined): string {
  if (operation === undefined) return "nothing";
  return `${operation.call} ${operation.kind === "rename" ? `${operation.from} to ` : ""}${operation.path}`;
}

type Node = Folder | File | Link;
interface Folder {
  kind: "folder";
  mode: number;
  atStart: Map<string, Node>;
  entries: Map<string, Node>;
}
interface Link {
  kind: "link";
  target: string;
}
/** `source` is a file of the start tree; else `data` is what was written, as far as the trace holds it. */
interface FileState {
  index: number;
  mode: number;
  data: (Buffer | "unknown")[];
  source?: string;
}
interface File {
  kind: "file";
  states: FileState[];
  syncs: number[];
}
/** A change of names that is there or not as a whole. */
interface NameEdit {
  index: number;
  folder: Folder;
  syncedAt: number;
  changes: { folder: Folder; name: string; node: Node | undefined }[];
}

function readFolder(at: string): Folder {
  const entries = new Map(readdirSync(at).map((name) => [name, readNode(join(at, name))]));
  return { kind: "folder", mode: lstatSync(at).mode & 0o7777, atStart: new Map(entries), entries };
}

function readNode(at: string): Node {
  const stats = lstatSync(at);
  if (stats.isDirectory()) return readFolder(at);
  if (stats.isSymbolicLink()) return { kind: "link", target: readlinkSync(at) };
  return { kind: "file", states: [{ index: -1, mode: stats.mode & 0o7777, data: [], source: at }], syncs: [] };
}

function changeFile(node: Node | undefined, index: number, change: (now: FileState) => Partial<FileState>): void {
  const now = node?.kind === "file" ? node.states.at(-1) : undefined;
  if (node?.kind !== "file" || now === undefined) throw new Error("there is no such file");
  const next = change(now);
  if (now.source !== undefined) throw new Error("a file of the start is changed in place");
  node.states.push({ ...now, ...next, index });
}

function place(entries: Map<string, Node>, name: string, node: Node | undefined): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}

function entriesAfter(edits: readonly NameEdit[]): Map<Folder, Map<string, Node>> {
  const entries = new Map<Folder, Map<string, Node>>();
  for (const { folder, name, node } of edits.flatMap(({ changes }) => changes)) {
    const found = entries.get(folder) ?? new Map(folder.atStart);
    entries.set(folder, found);
    place(found, name, node);
  }
  return entries;
}

function stateAt({ states, syncs }: File, count: number, losesData: boolean): FileState | undefined {
  const synced = syncs.findLast((index) => index < count) ?? 0;
  return states.findLast(({ index }) => index < (losesData ? synced : count));
}

function keyOf(
  folder: Folder,
  entriesOf: (folder: Folder) => Map<string, Node>,
  stateOf: (file: File) => FileState | undefined,
): string {
  const lines = [...entriesOf(folder)].map(([name, node]) => {
    if (node.kind === "folder") return `${name}/${node.mode}{${keyOf(node, entriesOf, stateOf)}}`;
    if (node.kind === "link") return `${name}>${node.target}`;
    const { data = [], mode, source } = stateOf(node) ?? {};
    return `${name}:${mode}:${source}:${data.map((part) => (part === "unknown" ? part : Bun.hash(part))).join()}`;
  });
  return lines.sort().join("\n");
}

function layOut(
  folder: Folder,
  at: string,
  entriesOf: (folder: Folder) => Map<string, Node>,
  stateOf: (file: File) => FileState | undefined,
  wholeFile: (file: File, at: string) => string | undefined,
): void {
  mkdirSync(at);
  chmodSync(at, folder.mode);
  for (const [name, node] of entriesOf(folder)) {
    const path = join(at, name);
    if (node.kind === "folder") layOut(node, path, entriesOf, stateOf, wholeFile);
    else if (node.kind === "link") symlinkSync(node.target, path);
    else {
      const { data = [], mode = 0, source } = stateOf(node) ?? {};
      const known = data.filter((part) => part !== "unknown");
      const isWhole = data.length === node.states.at(-1)?.data.length;
      const whole = source ?? (known.length < data.length && isWhole ? wholeFile(node, path) : undefined);
      if (whole !== undefined) shareOrCopy(whole, path);
      else {
        writeFileSync(path, Buffer.concat(known));
        chmodSync(path, mode);
      }
    }
  }
}

const SHARED_BYTES = 64 << 10;

/** Programs are shared, as nobody writes into them; the lock must not be, or runs over two disks would wait for each other. */
function shareOrCopy(source: string, path: string): void {
  if (lstatSync(source).size >= SHARED_BYTES) linkSync(source, path);
  else copyFileSync(source, path);
}

function pathOf(folder: Folder, sought: Node): string | undefined {
  for (const [name, node] of folder.entries) {
    if (node === sought) return name;
    const below = node.kind === "folder" ? pathOf(node, sought) : undefined;
    if (below !== undefined) return join(name, below);
  }
  return undefined;
}
