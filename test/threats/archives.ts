import type { Mutant } from "./mutant.ts";

const CORPUS = "test/threats/hostile-archives.test.ts";
const POLICY = "src/release/entry-policy.ts";
const NAME = "src/release/entry-name.ts";
const TAR = "src/release/tar-frame.ts";
const GZIP = "src/release/gzip-frame.ts";
const UNPACK = "src/release/unpack.ts";
const STAGE = "src/release/stage.ts";
const STAGED = "src/release/staged-files.ts";
const PROVE = "src/release/prove-program.ts";

/** One rule, its tests, and each check that it consists of: in which file, which text goes, and what stands there then. */
function without(
  rule: string,
  tests: readonly string[],
  checks: readonly [file: string, take: string, leave: string][],
) {
  return checks.map(([file, take, leave]): Mutant => ({ rule, file, take, leave, tests }));
}

export const ARCHIVE_MUTANTS: readonly Mutant[] = [
  ...without(
    "entry-types",
    [CORPUS, "test/release/entry-policy.test.ts"],
    [
      [POLICY, 'type !== "file" && type !== "directory"', "type === null"],
      [POLICY, 'type !== "file" && type !== "directory"', 'type === "symlink" || type === "link"'],
    ],
  ),
  ...without(
    "entry-names",
    [CORPUS, "test/release/entry-policy.test.ts"],
    [
      [NAME, 'if (name === "")', "if (name === undefined)"],
      [NAME, "if (UNFIT.test(name))", "if (name === undefined)"],
      [NAME, 'if (name.startsWith("/"))', "if (name === undefined)"],
      [NAME, 'if (type === "file" && name.endsWith("/"))', "if (name === undefined)"],
      [NAME, "if (parts.length > DEPTH)", "if (parts === undefined)"],
      [NAME, 'if (part === "..")', "if (part === undefined)"],
      [NAME, 'if (part === "" || part === ".")', "if (part === undefined)"],
      [NAME, "if (Buffer.byteLength(part) > NAME_BYTES)", "if (part === undefined)"],
    ],
  ),
  ...without(
    "entry-conflicts",
    [CORPUS, "test/release/entry-policy.test.ts"],
    [
      [POLICY, "if (before !== undefined && before !== kind)", "if (kind === undefined)"],
      [POLICY, 'if (before === "file")', "if (kind === undefined)"],
      [POLICY, 'name.normalize("NFKC")', "name"],
      [POLICY, ".toLowerCase().toUpperCase()", ".toLowerCase()"],
      [POLICY, 'if (path === "")', "if (path === undefined)"],
    ],
  ),
  ...without(
    "entry-sizes",
    [CORPUS, "test/release/entry-policy.test.ts"],
    [
      [POLICY, 'if (pax?.["size"] !== undefined)', "if (pax === undefined)"],
      [POLICY, 'key.startsWith("GNU.sparse")', 'key === ""'],
      [POLICY, 'if (type === "directory" && size > 0)', "if (size === undefined)"],
      [POLICY, "if (header.size > limits.fileBytes)", "if (limits === undefined)"],
      ["src/release/untar.ts", "if (!Number.isSafeInteger(header.size))", "if (header === undefined)"],
    ],
  ),
  ...without("entry-modes", [CORPUS], [[POLICY, "return (mode & 0o111) === 0 ? 0o644 : 0o755;", "return mode;"]]),
  ...without(
    "entry-places",
    [CORPUS],
    [
      [POLICY, 'if (rest.length > 1) return { skip: "unknown folder" };', ""],
      [POLICY, 'if (top !== folder) return { skip: "outside" };', ""],
      [POLICY, "if (topFolders.has(folder)) return;", "return;"],
      [POLICY, "return { place: `bin/", "return { place: `"],
    ],
  ),
  ...without(
    "archive-end",
    [CORPUS, "test/release/untar.test.ts", "test/release/gzip-frame.test.ts"],
    [
      [TAR, "if (this.#isEndReached) throw", "if (header === undefined) throw"],
      [TAR, "this.#chunk.subarray(Math.max(0, start)).some((byte) => byte !== 0)", "start === undefined"],
      [TAR, "if (this.#isEndReached && this.#chunkStart - this.#entriesEnd >= END_LENGTH) return;", "return;"],
      [TAR, "this.#chunkStart - this.#entriesEnd >= END_LENGTH", "this.#chunkStart > 0"],
      [GZIP, "return consumed !== this.#passed;", "return consumed < 0;"],
      [GZIP, "trailer.getUint32(0, true) !== this.#sum", "trailer === undefined"],
      [GZIP, "trailer.getUint32(4, true) !== this.#size % 2 ** 32", "trailer === undefined"],
      [GZIP, 'if (!isHeaderRead || held.length < TRAILER_LENGTH) throw damagedArchive("it was cut short");', ""],
      [UNPACK, "frame.finish(inflater.bytesWritten);", ""],
    ],
  ),
  ...without(
    "archive-limits",
    [CORPUS, "test/release/entry-policy.test.ts", "test/release/stage.test.ts"],
    [
      [POLICY, "if (entries > limits.entries)", "if (limits === undefined)"],
      [POLICY, "if (files > limits.files)", "if (limits === undefined)"],
      [POLICY, "if (bytes > limits.totalBytes)", "if (limits === undefined)"],
      [UNPACK, "if (this.#unpacked > totalBytes)", "if (totalBytes < 0)"],
      [UNPACK, "this.#unpacked > this.#packed * ratio", "ratio < 0"],
      [UNPACK, "requireSpace(files, directory, header.size, limits);", ""],
      [UNPACK, "if (skipped <= SKIPPED_TOLD)", "if (skipped > 0)"],
      [STAGE, "requireSpace(files, namespace.directory, (archive.length ?? 0) * limits.spaceFactor, limits);", ""],
      [TAR, "this.#chunk.length - start > FILLING_LIMIT", "start === undefined"],
      [TAR, "end - this.#entriesEnd > EXTENDED_LIMIT + BLOCK", "end < 0"],
      [TAR, "header.byteOffset - BLOCK - this.#entriesEnd > EXTENDED_LIMIT", "header === undefined"],
    ],
  ),
  ...without(
    "staging-private",
    ["test/release/stage.test.ts"],
    [
      [STAGED, "const UNPROVEN_MODE = 0o600;", "const UNPROVEN_MODE = 0o644;"],
      [STAGED, "constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW", "constants.O_CREAT | constants.O_TRUNC"],
      [STAGE, "const PRIVATE_MODE = 0o700;", "const PRIVATE_MODE = 0o755;"],
    ],
  ),
  ...without(
    "proof-first",
    ["test/release/stage.test.ts", "test/release/proven-source.test.ts"],
    [
      [STAGED, "const UNPROVEN_MODE = 0o600;", "const UNPROVEN_MODE = 0o700;"],
      ["src/release/download.ts", "if (found === sha256) return;", "return;"],
      [STAGE, 'isUpdateError(error, "E_ARCHIVE") ? await blamed(error, source) : error', "error"],
      ["src/release/proven-source.ts", "if (this.#failure !== undefined) throw this.#failure.error;", ""],
      [
        "src/release/proven-source.ts",
        "if (performance.now() > end) throw",
        "if (performance.now() > end) return; else if (end < 0) throw",
      ],
    ],
  ),
  ...without(
    "program-fit",
    ["test/release/programs.test.ts"],
    [
      [PROVE, "machine !== host.architecture || bits !== BITS[host.architecture]", "bits !== 64"],
      [PROVE, "isNewerGlibc(neededGlibc, host.glibc)", "isNewerGlibc(host.glibc, host.glibc)"],
      [PROVE, "files.statFollowed(interpreter) === undefined", 'interpreter === ""'],
      [PROVE, " && hasSystem(host.files)", ' && host.files.root === "/"'],
      [PROVE, "checkFit(program, elf, host);", ""],
      [PROVE, "timeoutMs: limitMs,", "timeoutMs: limitMs * 1000,"],
      [PROVE, "if (lines <= LINES_TOLD)", "if (lines > 0)"],
      [PROVE, 'if (files.root === "/") return', "return"],
      [PROVE, "if (exitCode >= 0 && failure === undefined) {", "if (path !== undefined) {"],
      [
        "src/platform/host-processes.ts",
        "await Promise.race([Promise.all([stdout.done, stderr.done]), Bun.sleep(PIPE_GRACE_MS)]);",
        "await Promise.all([stdout.done, stderr.done]);",
      ],
    ],
  ),
  ...without(
    "program-fit",
    ["test/update/bad-input.test.ts"],
    [
      [
        "src/update/prove-programs.ts",
        "const printed = await proveProgram(world, join(bin, name), { architecture, glibc });",
        'const printed = "";',
      ],
    ],
  ),
  ...without(
    "own-version",
    ["test/release/own-version.test.ts", "test/update/trust.test.ts"],
    [
      [
        "src/release/own-version.ts",
        "if (found === undefined || found === wanted) return;",
        "if (found !== wanted || found === wanted) return;",
      ],
      [
        "src/update/prove-programs.ts",
        "if (version !== undefined) checkOwnVersion(world.files, directory, version);",
        "",
      ],
    ],
  ),
];
