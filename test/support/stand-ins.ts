import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { NAMEPLATE_BYTES } from "../fixtures/programs/nameplate.ts";
import { type Architecture, HOST_ARCHITECTURE, withArchitecture, withNewerGlibc } from "./elf-patch.ts";

const SOURCES = join(import.meta.dir, "../fixtures/programs");

/** `cc` is small and quick; `bun` makes one program of 109 MB for all names, for machines without a C compiler. */
export type Compiler = "cc" | "bun";

/** What a program of a bad release does: the first four show at `start`, the last two whenever it is run. */
export const BAD_KINDS = [
  /** Ends with 1. */
  "exits-at-once",
  /** Becomes ready, and dies after 3 s. */
  "crash-loops",
  /** Answers 503 `starting` for ever. */
  "never-ready",
  /** An agent that goes on as it is on SIGHUP. */
  "deaf-to-hup",
  /** Is for the other architecture. */
  "wrong-architecture",
  /** Needs glibc 2.99. */
  "needs-newer-glibc",
] as const;
export type BadKind = (typeof BAD_KINDS)[number];

export interface StandIn {
  source: "agent" | "bot" | "tool" | "updater";
  version: string;
  behaviour?: "good" | BadKind | "setup-fails" | "no-setup" | undefined;
  architecture?: Architecture | undefined;
  compiler?: Compiler | undefined;
}

/** The compiler that the machine offers, or that `TELEPORT_FIXTURES=bun` asks for. */
export function defaultCompiler(): Compiler {
  if (process.env["TELEPORT_FIXTURES"] === "bun") return "bun";
  return Bun.which("cc") ? "cc" : "bun";
}

/** A stand-in program in two pieces: any padding belongs between `code` and `nameplate`, which must come last. */
export interface MadeStandIn {
  code: Buffer;
  nameplate: Buffer;
}

/** Makes a stand-in program; its source is compiled once for a machine and kept in the temp folder. */
export async function makeStandIn(standIn: StandIn): Promise<MadeStandIn> {
  const {
    source,
    version,
    behaviour = "good",
    architecture = HOST_ARCHITECTURE,
    compiler = defaultCompiler(),
  } = standIn;
  const nameplate = Buffer.alloc(NAMEPLATE_BYTES);
  nameplate.write(`stand-in ${version} ${behaviour}`, "latin1");
  const isDynamic = behaviour === "needs-newer-glibc";
  let code = read(compiler === "cc" ? await compileC(source, isDynamic) : await compileBun());
  if (isDynamic) code = withNewerGlibc(code);
  const stated = behaviour === "wrong-architecture" ? otherThan(architecture) : architecture;
  if (stated !== HOST_ARCHITECTURE) code = withArchitecture(code, stated);
  return { code, nameplate };
}

/** Writes a stand-in program to `path`, ready to run. */
export async function writeStandIn(path: string, standIn: StandIn): Promise<void> {
  const { code, nameplate } = await makeStandIn(standIn);
  writeFileSync(path, Buffer.concat([code, nameplate]), { mode: 0o755 });
}

const programs = new Map<string, Buffer>();

/** Kept, so that six copies of a large program are one in memory. */
function read(path: string): Buffer {
  const program = programs.get(path) ?? readFileSync(path);
  programs.set(path, program);
  return program;
}

function otherThan(architecture: Architecture): Architecture {
  return architecture === "amd64" ? "arm64" : "amd64";
}

/**
 * Static, so that the programs run on guests with an older glibc as well. A machine that has no static libc gets
 * dynamic ones.
 */
async function compileC(source: StandIn["source"], isDynamic: boolean): Promise<string> {
  const compile = (linking: string[]) => (outFile: string) => [
    ...["cc", "-O1", "-s", "-D_GNU_SOURCE", "-Wall", "-Wextra", ...linking],
    ...[join(SOURCES, `${source}.c`), "-o", outFile],
  ];
  const dynamic = () => cached(`${source}-dynamic`, [".c", ".h"], compile([]));
  if (isDynamic) return await dynamic();
  return await cached(`${source}-static`, [".c", ".h"], compile(["-static"])).catch(dynamic);
}

async function compileBun(): Promise<string> {
  return await cached(`stand-in-${Bun.version}`, [".ts"], (outFile) => [
    ...[process.execPath, "build", "--compile", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    ...[join(SOURCES, "stand-in.ts"), "--outfile", outFile],
  ]);
}

/** The output of `command`, kept under the digest of the sources and the command itself. */
async function cached(name: string, extensions: string[], command: (outFile: string) => string[]): Promise<string> {
  const folder = join(tmpdir(), `teleport-fixtures-${process.getuid?.()}`);
  const path = join(folder, `${name}-${digestOfSources(extensions, command("").join(" "))}`);
  if (existsSync(path)) return path;

  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${process.pid}-${Bun.randomUUIDv7()}`;
  const child = Bun.spawn(command(beside), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const [exitCode, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (exitCode !== 0) throw new Error(`cannot compile ${name}:\n${errors}`);
  renameSync(beside, path);
  return path;
}

function digestOfSources(extensions: string[], command: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(command);
  for (const file of readdirSync(SOURCES).sort()) {
    if (extensions.includes(extname(file))) hash.update(file).update(readFileSync(join(SOURCES, file)));
  }
  return hash.digest("hex").slice(0, 16);
}
