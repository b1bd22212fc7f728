import type { Mutant } from "./mutant.ts";

const OPEN_PLACES = { file: "src/platform/open-places.ts", tests: ["test/platform/open-places.test.ts"] };
const CLOSED_PLACES = { tests: ["test/update/closed-places.test.ts"] };
const LINK_PACKAGE = { file: "src/update/link-package.ts", tests: ["test/update/link-package.test.ts"] };
const OWNERSHIP = { file: "src/platform/ownership.ts", tests: ["test/platform/ownership.test.ts"] };
const LOCK = { file: "src/host/lock.ts", tests: ["test/host/lock.test.ts"] };
const JOURNAL = { file: "src/update/read-journal.ts", tests: ["test/update/journal.test.ts"] };
const HEALTH = { file: "src/host/health.ts", tests: ["test/host/health.test.ts"] };
const SOCKET = { file: "src/platform/socket-http.ts", tests: ["test/platform/socket-http.test.ts"] };
const ROOT_PATH = { file: "src/platform/root-path.ts", tests: ["test/platform/root-path.test.ts"] };
const PROGRAMS = { file: "src/platform/host-processes.ts", tests: ["test/fixed-programs.test.ts"] };

const closedParents = [
  { ...OPEN_PLACES, take: "if (!isTrusted(stat.owner)) {", leave: "if (stat.owner < 0) {" },
  { ...OPEN_PLACES, take: "(stat.mode & 0o002) !== 0) yield", leave: "(stat.mode & 0o002) > 2) yield" },
  { ...OPEN_PLACES, take: "(stat.mode & 0o020) !== 0 &&", leave: "(stat.mode & 0o020) > 16 &&" },
  { ...OPEN_PLACES, take: "isDoubtful: stat.group === 0 }", leave: "isDoubtful: stat.group >= 0 }" },
  { ...OPEN_PLACES, take: 'path !== "/usr/local" && !path.startsWith("/usr/local/")', leave: 'path === ""' },
  { ...OPEN_PLACES, take: "?.[1] === String(group)", leave: '?.[1] !== ""' },
  { ...OPEN_PLACES, take: 'if (kind !== "symlink") {', leave: 'if (kind !== "other") {' },
  { ...OPEN_PLACES, take: "if (isSharedFolder(files.stat(at))) yield anybodys(files, next);", leave: "" },
  { ...OPEN_PLACES, take: 'as === "passed" && isSharedFolder', leave: "isSharedFolder" },
  {
    ...OPEN_PLACES,
    take: "if (links > MAX_LINKS) throw",
    leave: "if (links > 1e4) return; if (links > MAX_LINKS * 1e4) throw",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/enter.ts",
    take: "requireClosedNamespace(world, namespace, openPlaces);",
    leave: "",
  },
  { ...CLOSED_PLACES, file: "src/update/closed-places.ts", take: "requireClosedWay(host);", leave: "" },
  {
    ...CLOSED_PLACES,
    file: "src/update/closed-places.ts",
    take: "requireClosed({ files, log }, ofTree);",
    leave: "",
  },
  { ...OWNERSHIP, take: "|| owner === sudoUser)", leave: "|| owner > 0)" },
  { ...OWNERSHIP, take: " && !WHOLE_MAP.test(uidMap)", leave: "" },
  {
    ...CLOSED_PLACES,
    file: "src/update/update.ts",
    take: "requireClosed(world, [original.spec.path, ",
    leave: "requireClosed(world, [",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/update.ts",
    take: ", join(original.spec.path, UPDATER_NAME)]",
    leave: "]",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/update.ts",
    take: "warnOfOpenVersion(world, versionDirectory(namespace, original.status.active));",
    leave: "",
  },
  { ...LINK_PACKAGE, take: 'requireClosedNamespace(world, namespace, "refused");', leave: "" },
  { ...LINK_PACKAGE, take: "requireClosedPackage(world);", leave: "" },
  { ...LINK_PACKAGE, take: "requireClosed(world, [DEFAULT_LINK_DIRECTORY]);", leave: "" },
  ...[
    ["bin, ...programs", "...programs"],
    ["...programs, ", ""],
    [", join(directory, EXAMPLE_UNIT)", ""],
  ].map(([take = "", leave = ""]) => ({ ...LINK_PACKAGE, file: "src/update/program-places.ts", take, leave })),
  {
    file: "src/update/plan-replacement.ts",
    tests: ["test/update/uninstall.test.ts"],
    take: "requireClosedPackage(world);",
    leave: "",
  },
  { ...CLOSED_PLACES, file: "src/update/enroll.ts", take: "requireClosed(world, [config.spec.path]);", leave: "" },
  {
    ...CLOSED_PLACES,
    file: "src/update/closed-places.ts",
    take: "[versions, updaterCopies, config,",
    leave: "[versions, config,",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/closed-places.ts",
    take: "[versions, updaterCopies, config,",
    leave: "[versions, updaterCopies,",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/closed-places.ts",
    take: ", ...folders, ",
    leave: ", ",
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/closed-places.ts",
    take: ", ...present]",
    leave: "]",
  },
  {
    file: "scripts/package/copies",
    tests: ["test/scripts/package/copies.test.ts"],
    take: '    are_closed "$link" "$namespace/updater" || continue\n',
    leave: "",
  },
  { ...CLOSED_PLACES, file: "src/update/disable.ts", take: 'COMMAND_LOCK, "told"', leave: "COMMAND_LOCK" },
  { ...CLOSED_PLACES, file: "src/update/uninstall.ts", take: 'COMMAND_LOCK, "told"', leave: "COMMAND_LOCK" },
];

const ownFiles = [
  { ...OWNERSHIP, take: 'if (!stats.isFile()) return "it is not a regular file";', leave: "" },
  { ...OWNERSHIP, take: "if (!isTrustedOwner(stats.uid)) return", leave: "if (stats.uid < 0) return" },
  { ...OWNERSHIP, take: "(stats.mode & 0o022) === 0", leave: "stats.mode > 0" },
  { ...LOCK, take: " | constants.O_NOFOLLOW", leave: "" },
  { ...LOCK, take: "if (reason === undefined) {", leave: "if (descriptor > 0) {" },
  {
    ...LOCK,
    take: "if ((stats.mode & 0o077) !== 0 && stats.nlink === 1) fchmodSync(descriptor, PRIVATE_MODE);",
    leave: "",
  },
  { ...JOURNAL, take: 'if (stat.kind !== "file") throw', leave: 'if (stat.kind === "other") throw' },
  { ...JOURNAL, take: "(stat.mode & 0o022) !== 0 || ", leave: "" },
  { ...JOURNAL, take: " || !isTrustedOwner(stat.owner)", leave: "" },
  { ...JOURNAL, take: "const SIZE_LIMIT = 32 << 20;", leave: "const SIZE_LIMIT = 64 << 20;" },
  {
    file: "src/settings/options.ts",
    take: ', "E_OPTIONS_READ", "readOwn")',
    leave: ', "E_OPTIONS_READ")',
    tests: ["test/update/own-files.test.ts"],
  },
  {
    file: "src/host/unit-record.ts",
    take: "files.readOwn(namespace.unitRecord",
    leave: "files.readText(namespace.unitRecord",
    tests: ["test/update/own-files.test.ts"],
  },
  {
    file: "src/update/own-updater.ts",
    take: "if (findOpenPlaces(files, [copy]).length > 0) return",
    leave: "if (false) return",
    tests: ["test/update/own-files.test.ts"],
  },
  {
    file: "src/update/history.ts",
    take: "(files.stat(path)?.links ?? 1) > 1",
    leave: "text === path",
    tests: ["test/update/own-files.test.ts"],
  },
  {
    ...CLOSED_PLACES,
    file: "src/update/obtain-release.ts",
    take: 'if (findOpenPlaces(files, programPlaces(files, place)).length > 0) return "open";',
    leave: "",
  },
  { ...CLOSED_PLACES, file: "src/update/program-places.ts", take: ", join(directory, EXAMPLE_UNIT)", leave: "" },
];

const plantableFiles = [
  {
    file: "src/platform/host-files.ts",
    take: "constants.O_RDONLY | constants.O_NONBLOCK | flags",
    leave: "constants.O_RDONLY | flags",
    tests: ["test/platform/host-files.test.ts"],
  },
  {
    file: "src/platform/host-files.ts",
    take: "readBounded(real(path), limit, constants.O_NOFOLLOW)),",
    leave: "readBounded(realFollowed(path), limit, 0)),",
    tests: ["test/platform/host-files.test.ts", "test/cluster/updater-id.test.ts"],
  },
  {
    file: "src/platform/host-files.ts",
    take: "for (let length = 0; length < limit; ) {",
    leave: "for (let length = 0; length < limit * 1e4; ) {",
    tests: ["test/platform/host-files.test.ts"],
  },
  {
    file: "src/cluster/updater-id.ts",
    take: "files.readPlantable(hostId,",
    leave: "files.readText(hostId,",
    tests: ["test/cluster/updater-id.test.ts"],
  },
  {
    file: "src/cluster/updater-id.ts",
    take: "return looks.flatMap((look) => ownerOf(look) ?? []);",
    leave: "return looks.length === 0 ? [] : [1234, 65_534];",
    tests: ["test/cluster/updater-id.test.ts"],
  },
  {
    file: "src/platform/ownership.ts",
    take: "!owners.includes(uid)",
    leave: "owners.includes(uid)",
    tests: ["test/cluster/updater-id.test.ts"],
  },
  { ...HEALTH, take: "files.readPlantable(pidFile,", leave: "files.readText(pidFile," },
  { ...HEALTH, take: "return pid <= HIGHEST_PID ? pid : 0;", leave: "return pid;" },
  { ...HEALTH, take: "world.processes.probe(pid)", leave: '(process.kill(pid, "SIGHUP"), world.processes.probe(pid))' },
  { ...SOCKET, take: 'kindOf(files, socket) !== "other"', leave: "kindOf(files, socket) === undefined" },
  {
    ...SOCKET,
    take: "throw socketError(socket, error instanceof Error ? error.message : String(error), error);\n  }",
    leave: "throw error;\n  }",
  },
  { ...SOCKET, take: "AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])", leave: "signal" },
  { ...SOCKET, file: "src/platform/socket-get.ts", take: "if (length > limit) throw", leave: "if (length < 0) throw" },
  {
    file: "src/host/setup-plan.ts",
    take: "if (files.stat(path) !== undefined) return [];\n  return [...directoryChanges(files, dataDirectory",
    leave: "if (files.statFollowed(path) !== undefined) return [];\n  return [...directoryChanges(files, dataDirectory",
    tests: ["test/update/plantable-files.test.ts"],
  },
  {
    file: "src/host/setup-plan.ts",
    take: "if (whyLeftAlone(files, dataDirectory) !== undefined) return [];",
    leave: "",
    tests: ["test/update/plantable-files.test.ts"],
  },
  {
    file: "src/update/make-change.ts",
    take: "if (target === undefined) files.makeDirectory",
    leave: "if (target !== undefined || true) files.makeDirectory",
    tests: ["test/update/plantable-files.test.ts"],
  },
  {
    file: "src/platform/host-files.ts",
    take: 'makeParents(root, path, mode, "refuse")',
    leave: 'makeParents(root, path, mode, "follow")',
    tests: ["test/platform/host-files.test.ts"],
  },
  {
    file: "src/host/selinux/agent-paths.ts",
    take: "isLeftAlone ? [] : ",
    leave: "",
    tests: ["test/host/data-directory.test.ts"],
  },
  {
    file: "src/host/data-directory.ts",
    take: "return open && `",
    leave: "return open && undefined && `",
    tests: ["test/host/data-directory.test.ts"],
  },
  { ...OPEN_PLACES, take: "isEndTheirs && !isSharedFolder(files.stat(at))", leave: "isEndTheirs" },
  { ...OPEN_PLACES, take: " && ground.isEndTheirs && ", leave: ' && ground.isEndTheirs && next === "" && ' },
];

const rootConfined = [
  { ...ROOT_PATH, take: 'if (target.startsWith("/")) resolved.length = 0;', leave: "" },
  {
    ...ROOT_PATH,
    take: "pending.unshift(...names(target));",
    leave: 'if (target.startsWith("/")) return target;\n    pending.unshift(...names(target));',
  },
  { ...ROOT_PATH, take: 'if (name === "..") {', leave: 'if (name === ".." && resolved.length > 0) {' },
  {
    ...ROOT_PATH,
    take: "if (links > MAX_LINKS) throw",
    leave: "if (links > 1e4) return root;\n    if (links > MAX_LINKS * 1e4) throw",
  },
  {
    file: "src/platform/host-files.ts",
    take: '(root === "/" ? path : resolveInRoot(root, path, "parents"))',
    leave: '(root === "/" ? path : root + path)',
    tests: ["test/update/root-confined.test.ts"],
  },
  {
    file: "src/platform/host-files.ts",
    take: '(root === "/" ? path : resolveInRoot(root, path, "all"))',
    leave: '(root === "/" ? path : root + path)',
    tests: ["test/update/root-confined.test.ts"],
  },
];

const fixedPrograms = [
  {
    ...PROGRAMS,
    take: "find(name) {",
    leave: "find(name) {\n    if (Bun.which(name)) return Bun.which(name) ?? undefined;",
  },
  {
    ...PROGRAMS,
    take: "env: { ...BASE_ENVIRONMENT,",
    leave: 'env: { ...BASE_ENVIRONMENT, PATH: process.env["PATH"] ?? "",',
  },
];

export const NEIGHBOUR_MUTANTS: readonly Mutant[] = [
  ...of("closed-parents", closedParents),
  ...of("own-files", ownFiles),
  ...of("plantable-files", plantableFiles),
  ...of("root-confined", rootConfined),
  ...of("fixed-programs", fixedPrograms),
];

function of(rule: string, mutants: readonly Omit<Mutant, "rule">[]): Mutant[] {
  return mutants.map((mutant) => ({ rule, ...mutant }));
}
