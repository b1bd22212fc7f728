import type { Mutant } from "./mutant.ts";

const INDEX = { file: "src/mirror/index-file.ts", tests: ["test/mirror/index-file.test.ts"] };
const READ_BUNDLE = { file: "src/mirror/read-bundle.ts", tests: ["test/mirror/hostile-bundles.test.ts"] };
const MANIFEST = { file: "src/mirror/manifest.ts", tests: ["test/mirror/manifest.test.ts"] };
const IMPORT = { file: "src/mirror/import-bundle.ts", tests: ["test/mirror/import-bundle.test.ts"] };
const BELIEF = { file: "src/mirror/believe-bundle.ts", tests: ["test/mirror/import-bundle.test.ts"] };
const BUILD = { tests: ["test/mirror/build.test.ts"] };
const SIGNATURES = { file: "src/mirror/signatures.ts", tests: ["test/mirror/signatures.test.ts"] };
const INSTALLER = { file: "src/mirror/mirror-installer.ts", tests: ["test/mirror/installer.test.ts"] };
const SCRIPT = { file: "src/mirror/install-script.ts", tests: ["test/mirror/installer.test.ts"] };
const SERVED_NAME = { file: "src/mirror/served-name.ts", tests: ["test/mirror/served-name.test.ts"] };
const SERVED_TREE = { file: "src/mirror/served-tree.ts", tests: ["test/mirror/serve.test.ts"] };
const SERVER = {
  file: "src/platform/http-server.ts",
  tests: ["test/platform/http-server.test.ts", "test/mirror/serve.test.ts"],
};
const COUNTS = { file: "src/platform/client-counts.ts", tests: ["test/platform/client-counts.test.ts"] };
const SITE_KEY = { file: "src/mirror/site-key.ts", tests: ["test/mirror/site-key.test.ts"] };
const IDENTITY = { file: "src/platform/drop-rights.ts", tests: ["test/platform/drop-rights.test.ts"] };
/** Of the server itself, which only root can show. */
const RIGHTS = { tests: ["test/cli/mirror-serve.test.ts"] };
const isRoot = process.geteuid?.() === 0;

const bundleFrame = [
  { ...READ_BUNDLE, take: "if (found.equals(wanted)) return;", leave: "if (found.length > 0) return;" },
  { ...READ_BUNDLE, take: "if (file.bytes !== length) {", leave: "if (file.bytes < length) {" },
  { ...READ_BUNDLE, take: "if (manifestBytes === undefined) throw", leave: "if (file.bytes > 1e12) throw" },
];

const bundleDigests = [
  { ...READ_BUNDLE, take: "if (found !== sha256) {", leave: 'if (found === "") {' },
  { ...READ_BUNDLE, take: "if (kept !== undefined && bytes > TEXT_LIMIT) {", leave: "if (bytes < 0) {" },
  { ...IMPORT, take: "!== file.sha256) throw refusedBundle", leave: '=== "") throw refusedBundle' },
];

const bundleNames = [
  { ...MANIFEST, take: "!isMirrorName(name) || ", leave: "" },
  { ...MANIFEST, take: " || name === MANIFEST_FILE", leave: "" },
  { ...MANIFEST, take: "if (name <= last) throw", leave: "if (name < last) throw" },
  { ...MANIFEST, take: "seen.add(name.toLowerCase());", leave: "" },
  { ...MANIFEST, take: "if (listed.length > COUNT_LIMIT) throw", leave: "if (listed.length > 1e9) throw" },
  { ...MANIFEST, take: "if (alone !== undefined) throw", leave: 'if (alone?.name === "") throw' },
  { ...MANIFEST, take: " && value >= 0 && value <= FILE_LIMIT", leave: " && value >= 0" },
  { ...MANIFEST, take: " && !UNFIT.test(value)", leave: "" },
  { ...MANIFEST, take: "?? release) !== release) throw", leave: '?? release) === "") throw' },
  { ...MANIFEST, file: "src/mirror/index-file.ts", take: " && name !== INDEX_FILE", leave: "" },
];

const bundleBelief = [
  { ...BELIEF, take: 'if (digest !== "" && digest !== proven.sha256) throw', leave: "if (digest === path) throw" },
  {
    ...BELIEF,
    take: "if (text === undefined) throw unsigned(path, name);",
    leave: "if (text === undefined) continue;",
  },
  { ...BELIEF, take: 'isWhole: digest !== "" };', leave: "isWhole: true };" },
  { ...BELIEF, take: 'if (digest === "" && other !== undefined) throw', leave: 'if (other?.name === "") throw' },
  {
    ...BELIEF,
    take: 'const { id } = await verifySignature({ text, place, of: "bundle" }, proven.sha256, keys);',
    leave: 'const id = "";',
  },
  { ...BELIEF, take: "|| parseDigest(text) === sha256) continue;", leave: "|| text !== sha256) continue;" },
  {
    ...BELIEF,
    file: "src/mirror/merge-index.ts",
    take: "fetched: origin.fetched, ...belief }",
    leave: "fetched: origin.fetched, ...belief, proof: origin.proof }",
  },
];

const mirrorIndex = [
  { ...INDEX, take: " || Object.keys(files).length > COUNT_LIMIT", leave: "" },
  { ...INDEX, take: "files.readPlantable(path", leave: "files.readText(path" },
  { ...INDEX, take: "is no index of a mirror, is", leave: `is no index of a mirror: \${text}, is` },
  {
    ...INDEX,
    file: "src/mirror/bounded-json.ts",
    take: "if (isDeep(text)) return undefined;",
    leave: "",
    tests: ["test/mirror/index-file.test.ts", "test/mirror/bounded-json.test.ts"],
  },
];

const mirrorKeeps = [
  { ...INDEX, take: "...(release !== undefined && { release })", leave: "release: _" },
  { ...IMPORT, take: " && !isOfMirror(file.name)) foreign", leave: " && to === from) foreign" },
  { ...IMPORT, take: "if (isOfArchive(name) && ", leave: "if (bytes < 0 && " },
  { ...BUILD, file: "src/mirror/prune.ts", take: ".filter(([name]) => !isProofName(name))", leave: "" },
  {
    ...BUILD,
    file: "src/mirror/tree-lock.ts",
    take: "const PRIVATE_MODE = 0o600;",
    leave: "const PRIVATE_MODE = 0o644;",
  },
  { ...BUILD, file: "src/mirror/tree-lock.ts", take: " && nlink === 1", leave: "" },

  { ...IMPORT, take: "known.sha256 !== sha256 && isArchive(name)", leave: "known.bytes < 0 && isArchive(name)" },
  { ...IMPORT, take: "if (known === undefined) throw inTheWay(", leave: "if (bytes < 0) throw inTheWay(" },
  { ...IMPORT, take: 'if (found.kind !== "file") throw inTheWay(', leave: "if (bytes < 0) throw inTheWay(" },
  {
    ...BUILD,
    file: "src/mirror/mirror-archive.ts",
    take: "if (known !== undefined && known.sha256 !== proof.sha256) {",
    leave: "if (known !== undefined && known.bytes < 0) {",
  },
  {
    ...BUILD,
    file: "src/mirror/mirror-archive.ts",
    take: 'if (known === undefined || found.kind !== "file") {',
    leave: 'if (found.kind !== "file") {',
  },
  { ...INSTALLER, take: "if (before === undefined && ", leave: "if (before !== undefined && " },
  {
    file: "src/mirror/bundle-place.ts",
    tests: ["test/mirror/bundle.test.ts"],
    take: "if (isWithin(isFolder ? to : dirname(to), tree)) {",
    leave: "if (to === tree) {",
  },
  { ...SIGNATURES, take: "else if (!replace) throw byAnother(present.place);", leave: "" },
  { ...SIGNATURES, take: "|| (await isWorthLess(kept, published, archive, keys))", leave: '|| kept.place !== ""' },
  {
    ...SIGNATURES,
    take: "if (fault === undefined) return { text: found.text, place };",
    leave: "return { text: found.text, place };",
  },
  {
    ...SIGNATURES,
    file: "src/mirror/tree-signature.ts",
    take: "if (fault === undefined) return;",
    leave: 'if (fault !== "") return;',
  },
];

const mirrorProof = [
  { ...INSTALLER, take: "requireDigest(text, place, proof.sha256);", leave: "" },
  {
    ...INSTALLER,
    take: "if (wanted.length === 0 || missing.length > 0) throw",
    leave: "if (wanted.length === 0) throw",
  },
  { ...INSTALLER, take: "if (wanted.length === 0 || missing", leave: "if (missing" },
  { ...INSTALLER, take: "{ ...building.demands, pinned: [],", leave: "{ ...building.demands, keys: [], pinned: []," },
  { ...SCRIPT, take: "tarball?.version === version && ", leave: "" },
  { ...SCRIPT, take: " && tarballs.length === lines.length", leave: "" },
  {
    ...BUILD,
    file: "src/mirror/fetch-archive.ts",
    take: "whyPlanted(stats) === undefined && ",
    leave: "",
  },
  {
    ...BUILD,
    file: "src/mirror/fetch-archive.ts",
    take: " && stats.nlink === 1",
    leave: "",
  },
  {
    ...BUILD,
    file: "src/mirror/fetch-archive.ts",
    take: "for await (const _ of provenChunks(whole, request));",
    leave: "for await (const _ of whole.chunks());",
  },
];

const servedNames = [
  { ...SERVED_NAME, take: "(name === INDEX_FILE || isMirrorName(name)) ", leave: "" },
  { ...SERVED_NAME, take: "if (!path.startsWith(", leave: "if (path === prefix && !path.startsWith(" },
];

const servedFiles = [
  { ...SERVED_TREE, take: " | constants.O_NOFOLLOW", leave: "" },
  { ...SERVED_TREE, take: "if (stats.isFile() && isPublic) {", leave: "if (!stats.isSocket() && isPublic) {" },
  { ...SERVED_TREE, take: "if (stats.isFile() && isPublic) {", leave: "if (stats.isFile()) {" },
  { ...SERVED_TREE, take: "lstatSync(indexPath,", leave: 'require("node:fs").statSync(indexPath,' },
];

const serveLimits = [
  { ...SERVER, take: "const isOneTooMany = leave === undefined;", leave: "const isOneTooMany = false;" },
  { ...SERVER, take: "if (leave === undefined) socket.destroy();", leave: "if (leave === undefined) socket.resume();" },
  { ...SERVER, take: "hasBody(request) ? NO_BODIES : answer", leave: "answer" },
  {
    ...SERVER,
    file: "src/platform/paced-file.ts",
    take: "setTimeout(() => response.destroy(), idleMs)",
    leave: "setTimeout(() => undefined, idleMs)",
  },
  {
    ...SERVER,
    file: "src/platform/paced-file.ts",
    take: "waiting.splice(0, CHUNKS_A_TURN)",
    leave: "waiting.splice(0)",
  },
  { ...COUNTS, take: "|| count >= each", leave: "" },
  { ...COUNTS, take: "value >> 64n", leave: "value" },
  {
    file: "src/cli/line-writer.ts",
    tests: ["test/cli/line-writer.test.ts"],
    take: "if (size + line.length > ROOM) {",
    leave: "if (size < 0) {",
  },
  {
    ...SERVER,
    file: "src/mirror/serve.ts",
    take: "if (isOneTooMany) return",
    leave: "if (isOneTooMany && prefix === target) return",
  },
];

const signingKey = [
  { ...SITE_KEY, take: "if ((mode & 0o077) === 0) return text;", leave: "return text;" },
  {
    ...SITE_KEY,
    take: "if (files.stat(join(dirname(path), INDEX_FILE)) !== undefined) {",
    leave: 'if (publicFile === "") {',
  },
  { ...SITE_KEY, take: "const PRIVATE_MODE = 0o600;", leave: "const PRIVATE_MODE = 0o644;" },
  {
    file: "src/mirror/server-certificate.ts",
    tests: ["test/mirror/server-certificate.test.ts"],
    take: "& READABLE_BY_ALL) !== 0",
    leave: "& READABLE_BY_ALL) < 0",
  },
];

const FOLDER = { tests: ["test/mirror/mirror-folder.test.ts"] };
const mirrorFolder = [
  { ...FOLDER, file: "src/platform/synced-files.ts", take: "mode & 0o777 :", leave: "mode & 0o7777 :" },
  {
    ...FOLDER,
    file: "src/mirror/tree-files.ts",
    take: "import { lstat, lutimes } from",
    leave: "import { lstat, utimes as lutimes } from",
  },
  {
    ...FOLDER,
    file: "src/mirror/fetch-archive.ts",
    take: "() => file.chmod(FILE_MODE)",
    leave: 'async () => (await import("node:fs/promises")).chmod(partial, FILE_MODE)',
  },
  ...(isRoot
    ? [
        { ...FOLDER, file: "src/platform/synced-files.ts", take: "isTrustedOwner(uid)", leave: "uid >= 0" },
        { ...FOLDER, file: "src/mirror/tree-lock.ts", take: "requireClosedWay(world, directory);", leave: "" },
      ]
    : []),
];

const serveRights = [
  { ...IDENTITY, take: "if (user === 0 || group === 0 || groups.includes(0)) throw", leave: "if (user < 0) throw" },
  { ...IDENTITY, take: "exitCode !== 0 || !ids", leave: "!ids" },
  ...(isRoot
    ? [
        {
          ...RIGHTS,
          file: "src/cli/mirror-serve.ts",
          take: "if (identity !== undefined) dropRights(identity);",
          leave: "",
        },
        { ...RIGHTS, file: "src/platform/drop-rights.ts", take: "process.setgroups?.([...groups]);", leave: "" },
        { ...RIGHTS, file: "src/platform/drop-rights.ts", take: "throw notDropped(cause);", leave: "return;" },
        { ...RIGHTS, file: "src/platform/drop-rights.ts", take: '!users.includes("0") && ', leave: "" },
        { ...RIGHTS, file: "src/platform/drop-rights.ts", take: " && held === 0n) return;", leave: ") return;" },
      ]
    : []),
];

/** The rules of mirrors, taken out. */
export const MIRROR_MUTANTS: readonly Mutant[] = Object.entries({
  "bundle-frame": bundleFrame,
  "bundle-digests": bundleDigests,
  "bundle-names": bundleNames,
  "bundle-belief": bundleBelief,
  "mirror-index": mirrorIndex,
  "mirror-keeps": mirrorKeeps,
  "mirror-proof": mirrorProof,
  "served-names": servedNames,
  "served-files": servedFiles,
  "serve-limits": serveLimits,
  "signing-key": signingKey,
  "serve-rights": serveRights,
  "mirror-folder": mirrorFolder,
}).flatMap(([rule, mutants]) => mutants.map((mutant) => ({ rule, ...mutant })));
