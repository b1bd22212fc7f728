/**
 * Makes releases for tests, the demo and the benches: upstream's layout and names, stand-in programs inside, bad ones
 * where asked, padded up to the size of a real release where asked. The same options make the same bytes.
 *
 *     bun test/support/release-maker.ts --directory DIR --version V [--flags Enterprise,FIPS] [--architecture A] \
 *       [--bad-agent KIND] [--bad-bot KIND] [--updater KIND] [--unpacked-bytes N]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { REVISION_FLAGS, type RevisionFlag } from "../../src/settings/revision.ts";
import { ARCHITECTURES, type Architecture, HOST_ARCHITECTURE } from "./elf-patch.ts";
import { padding } from "./padding.ts";
import { releaseTexts } from "./release-texts.ts";
import { BAD_KINDS, type BadKind, type Compiler, makeStandIn, type StandIn } from "./stand-ins.ts";
import { type TarballFile, writeTarball } from "./tarball.ts";

export interface ReleaseOptions {
  /** Where the archive and its `.sha256` go; made when missing. */
  directory: string;
  version: string;
  flags?: readonly RevisionFlag[] | undefined;
  /** Default: that of the machine. Programs for the other one only say so. */
  architecture?: Architecture | undefined;
  bad?: { agent?: BadKind | undefined; bot?: BadKind | undefined } | undefined;
  /**
   * The release's own `teleport-update`: `obeying` the setup contract (default), `failing` half-way in setup, `old` and
   * without setup, `none` at all, or the path of a program to put in as it is.
   */
  updater?: string | undefined;
  /** What all files together shall have, when the programs alone have less. A real release: 650e6. */
  unpackedBytes?: number | undefined;
  /** False leaves `examples/` out, and with it the stock unit. */
  examples?: boolean | undefined;
  /** Default: what the machine offers; see `defaultCompiler`. */
  compiler?: Compiler | undefined;
}

export interface MadeRelease {
  /** Path of the archive. `<archive>.sha256` lies beside it, in the format of sha256sum. */
  archive: string;
  /** Hex digest of the archive. */
  sha256: string;
  fileName: string;
  /** What follows the base URL: `/` and the file name. */
  urlPath: string;
  /** Size of the archive. */
  bytes: number;
  unpackedBytes: number;
}

/** Makes one release. */
export async function makeRelease(options: ReleaseOptions): Promise<MadeRelease> {
  const fileName = archiveName(options);
  const archive = join(resolve(options.directory), fileName);
  const files = [...(await releasePrograms(options)), ...releaseTexts(options.version, options.examples ?? true)];
  const contents = pad(files, options.unpackedBytes ?? 0);

  mkdirSync(options.directory, { recursive: true });
  const topFolder = isEnterprise(options) ? "teleport-ent" : "teleport";
  const { sha256, bytes } = await writeTarball(archive, topFolder, contents);
  writeFileSync(`${archive}.sha256`, `${sha256}  ${fileName}\n`);
  const unpackedBytes = contents.reduce((sum, file) => sum + file.bytes, 0);
  return { archive, sha256, fileName, urlPath: `/${fileName}`, bytes, unpackedBytes };
}

/** `teleport[-ent]-v<version>-linux-<arch>[-fips]-bin.tar.gz` (updater-core §5.2). */
function archiveName(options: ReleaseOptions): string {
  const { version, flags = [], architecture = HOST_ARCHITECTURE } = options;
  const edition = isEnterprise(options) ? "-ent" : "";
  return `teleport${edition}-v${version}-linux-${architecture}${flags.includes("FIPS") ? "-fips" : ""}-bin.tar.gz`;
}

function isEnterprise({ flags = [] }: ReleaseOptions): boolean {
  return flags.length > 0;
}

/** A file of the release: padding goes between `head` and `tail`, as much as the file's `share` says. */
interface ReleaseFile {
  path: string;
  mode: number;
  head: Buffer;
  tail?: Buffer;
  share?: number;
}

/** Roughly how the programs of a real release share its size. */
const SHARES = { teleport: 40, tctl: 20, tsh: 20, tbot: 14, "fdpass-teleport": 1, "teleport-update": 5 } as const;

async function releasePrograms(options: ReleaseOptions): Promise<ReleaseFile[]> {
  const { bad = {}, updater = "obeying" } = options;
  const programs = [
    await program("teleport", "agent", options, bad.agent),
    await program("tctl", "tool", options),
    await program("tsh", "tool", options),
    await program("tbot", "bot", options, bad.bot),
    await program("fdpass-teleport", "tool", options),
  ];
  switch (updater) {
    case "none":
      return programs;
    case "obeying":
      return [...programs, await program("teleport-update", "updater", options)];
    case "failing":
      return [...programs, await program("teleport-update", "updater", options, "setup-fails")];
    case "old":
      return [...programs, await program("teleport-update", "updater", options, "no-setup")];
    default:
      return [...programs, { path: "teleport-update", mode: 0o755, head: readFileSync(updater) }];
  }
}

async function program(
  path: keyof typeof SHARES,
  source: StandIn["source"],
  { version, architecture, compiler }: ReleaseOptions,
  behaviour: StandIn["behaviour"] = "good",
): Promise<ReleaseFile> {
  const { code, nameplate } = await makeStandIn({ source, version, behaviour, architecture, compiler });
  return { path, mode: 0o755, head: code, tail: nameplate, share: SHARES[path] };
}

/** Padding lies behind the end of a program, where neither the kernel nor the loader looks. */
function pad(files: readonly ReleaseFile[], unpackedBytes: number): TarballFile[] {
  const bare = files.reduce((sum, { head, tail }) => sum + head.length + (tail?.length ?? 0), 0);
  const missing = Math.max(0, unpackedBytes - bare);
  const shares = files.reduce((sum, { share = 0 }) => sum + share, 0);
  // The whole padding is cut at the running sum of the shares, so no byte of it is lost to rounding.
  let before = 0;
  return files.map(({ path, mode, head, tail = Buffer.alloc(0), share = 0 }) => {
    const start = Math.round((missing * before) / shares);
    before += share;
    const paddingBytes = Math.round((missing * before) / shares) - start;
    return {
      path,
      mode,
      bytes: head.length + paddingBytes + tail.length,
      *content() {
        yield head;
        yield* padding(paddingBytes);
        yield tail;
      },
    };
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      directory: { type: "string" },
      version: { type: "string" },
      flags: { type: "string" },
      architecture: { type: "string" },
      "bad-agent": { type: "string" },
      "bad-bot": { type: "string" },
      updater: { type: "string" },
      "unpacked-bytes": { type: "string" },
    },
  });
  const { directory, version } = values;
  if (directory === undefined || version === undefined) throw new Error("give --directory and --version");
  const made = await makeRelease({
    directory,
    version,
    flags: values.flags?.split(",").flatMap((flag) => oneOf(REVISION_FLAGS, flag) ?? []),
    architecture: oneOf(ARCHITECTURES, values.architecture),
    bad: { agent: oneOf(BAD_KINDS, values["bad-agent"]), bot: oneOf(BAD_KINDS, values["bad-bot"]) },
    updater: values.updater,
    unpackedBytes: Number(values["unpacked-bytes"] ?? 0),
  });
  console.log(made.archive);
}

function oneOf<T extends string>(known: readonly T[], word: string | undefined): T | undefined {
  const found = known.find((candidate) => candidate === word);
  if (word !== undefined && found === undefined) throw new Error(`\`${word}\` is none of ${known.join(", ")}`);
  return found;
}
