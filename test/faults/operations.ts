import { resolve } from "node:path";
import { namespaceFor } from "../../src/settings/namespace.ts";

const STAGING = `${namespaceFor("").directory}/.staging-`;

/** One call that changes a file system, or makes changes last; `call` is its name, for messages. */
export type Operation = { call: string } & (
  | { kind: "open"; path: string; creates: boolean; truncates: boolean; mode: number }
  /** Written at the end of the file; `bytes` is undefined where the trace does not tell what the file holds after it. */
  | { kind: "write"; path: string; bytes: Buffer | undefined }
  | { kind: "mode"; path: string; mode: number }
  | { kind: "directory"; path: string; mode: number }
  | { kind: "symlink"; path: string; target: string }
  | { kind: "rename"; from: string; path: string }
  | { kind: "remove"; path: string }
  | { kind: "sync"; path: string }
  /** Anything else: it is told where it went, but not what it did. */
  | { kind: "other"; path: string }
);

/** What was seen of a run, in order: what it did, and what it said it would do. */
export type Event = Operation | { kind: "said"; text: string };

const CALLS = [
  "open,openat,openat2,creat,mknod,mknodat,write,writev,pwrite64,pwritev,pwritev2,sendfile,splice,copy_file_range",
  "truncate,ftruncate,fallocate,ioctl,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,utimensat,futimesat",
  "setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr,link,linkat,symlink,symlinkat,rename,renameat",
  "renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,mount,umount2,chroot,pivot_root,io_uring_setup",
].join();
/** More of one write than any text that we write; what of a program is cut off is found in the tree afterwards. */
const STRING_BYTES = 32 << 10;

/** Paths in staging are nobody's but the run's. */
export function isStaging(path: string): boolean {
  return path.startsWith(STAGING);
}

/**
 * A script that runs `program` and writes its calls to `file`: descriptors as paths, every string in hex. With
 * `killAtSync` a thread that is about to make its n-th `fsync`, from 1, takes the program with it.
 */
export function tracingScript(program: string, file: string, killAtSync?: number): string {
  const kill = killAtSync === undefined ? "" : ` -e inject=fsync:signal=SIGKILL:when=${killAtSync}`;
  const shape = `-f -qq -y -xx -s ${STRING_BYTES} -e trace=${CALLS} -e signal=none${kill}`;
  return `#!/bin/sh\nexec strace ${shape} -o '${file}' -- '${program}' "$@"\n`;
}

/** Of a thread that ended with its program in, or just before, a call: whether that was made, nobody saw. */
const ENDED_IN_A_CALL = / <detached \.\.\.>$/;

/** Reads a trace. Calls that failed, or did not touch a path, are left out; a line that cannot be read is an error. */
export function readTrace(text: string): Event[] {
  const unfinished = new Map<string, string>();
  const events: Event[] = [];
  for (const line of text.split("\n")) {
    const [, process = "", rest = line] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest === "" || rest.startsWith("+++") || ENDED_IN_A_CALL.test(rest)) continue;
    if (rest.endsWith("<unfinished ...>")) {
      unfinished.set(process, rest.slice(0, -"<unfinished ...>".length));
      continue;
    }
    // What was cut off and resumed has blanks behind its last argument.
    const whole = rest.replace(/^<\.\.\. [\w?]+ resumed>/, () => unfinished.get(process) ?? "");
    const [, call, args, result] = /^(\w+)\((.*\S|) *\) += (-?\d+|\?)/.exec(whole) ?? [];
    if (call === undefined || args === undefined) throw new Error(`not a line of a trace: ${line.slice(0, 200)}`);
    const event = result === "?" || Number(result) < 0 ? undefined : eventOf(call, args, Number(result));
    if (event !== undefined) events.push(event);
  }
  return events;
}

function eventOf(call: string, args: string, result: number): Event | undefined {
  const strings = [...args.matchAll(/"((?:\\x..)*)"(\.\.\.)?/g)].map(([, hex = "", cut]) => ({
    bytes: Buffer.from(hex.replaceAll("\\x", ""), "hex"),
    isCut: cut !== undefined,
  }));
  const text = (index: number) => strings[index]?.bytes.toString() ?? "";
  const held = [...args.matchAll(/(?:AT_FDCWD|\d+)<([^>]*)>/g)].map(([, path = ""]) => unescaped(path));
  /** A name below a descriptor; one that is relative to an unknown directory ends outside every tree that is watched. */
  const at = (index: number, descriptor = held[index]) => resolve("/", descriptor ?? "", text(index));
  const mode = Number.parseInt(/, (0\d+)$/.exec(args)?.[1] ?? "0", 8);
  const ofDescriptor = (operation: (path: string) => Event, path = held[0] ?? "") =>
    path.startsWith("/") && path !== "/dev/null" ? operation(path) : undefined;

  switch (call) {
    case "open":
    case "openat":
    case "creat": {
      const path = at(0);
      const [creates, truncates] = [/O_CREAT/.test(args) || call === "creat", /O_TRUNC/.test(args) || call === "creat"];
      if (path === "/dev/null" || !(creates || truncates || /O_WRONLY|O_RDWR/.test(args))) return undefined;
      return { call, kind: "open", path, creates, truncates, mode };
    }
    case "write":
    case "writev": {
      if (held[0] !== undefined && !held[0].startsWith("/")) return { kind: "said", text: text(0) };
      const isWhole = strings.every(({ isCut }) => !isCut);
      const bytes = isWhole ? Buffer.concat(strings.map((string) => string.bytes)).subarray(0, result) : undefined;
      return ofDescriptor((path) => ({ call, kind: "write", path, bytes }));
    }
    case "pwrite64":
    case "pwritev":
    case "pwritev2":
    case "sendfile":
    case "ftruncate":
    case "fallocate":
      return ofDescriptor((path) => ({ call, kind: "write", path, bytes: undefined }));
    case "copy_file_range":
    case "splice":
      return ofDescriptor((path) => ({ call, kind: "write", path, bytes: undefined }), held[1]);
    case "ioctl":
      if (!/FICLONE|BTRFS_IOC_CLONE/.test(args)) return undefined;
      return ofDescriptor((path) => ({ call, kind: "write", path, bytes: undefined }));
    case "fchmod":
      return ofDescriptor((path) => ({ call, kind: "mode", path, mode }));
    case "chmod":
    case "fchmodat":
      return { call, kind: "mode", path: at(0), mode: Number.parseInt(/, (0\d+)/.exec(args)?.[1] ?? "0", 8) };
    case "mkdir":
    case "mkdirat":
      return { call, kind: "directory", path: at(0), mode };
    case "symlink":
    case "symlinkat":
      return { call, kind: "symlink", path: at(1, held[0]), target: text(0) };
    case "rename":
    case "renameat":
    case "renameat2":
      return { call, kind: "rename", from: at(0), path: at(1) };
    case "unlink":
    case "unlinkat":
    case "rmdir":
      return { call, kind: "remove", path: at(0) };
    case "fsync":
    case "fdatasync":
      return ofDescriptor((path) => ({ call, kind: "sync", path }));
    default:
      return { call, kind: "other", path: strings.length > 0 ? at(0) : (held[0] ?? call) };
  }
}

function unescaped(text: string): string {
  return Buffer.from(
    text.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString();
}
