import { GLIBC_FLOOR } from "./executables.ts";
import { CPU_FLOOR, KERNEL_FLOOR, type Trial } from "./floors.ts";
import { START_AIM_MS } from "./start-up.ts";
import { LIMITS } from "./tarballs.ts";

/** What `scripts/size.ts` found. */
export interface Sizes {
  /** The day, the commit and the machine. */
  circumstances: string;
  executables: readonly MeasuredExecutable[];
  artefacts: readonly { name: string; bytes: number }[];
  processors: Readonly<Record<"amd64" | "arm64", readonly Trial[]>>;
  kernels: readonly Trial[];
}

interface MeasuredExecutable {
  name: string;
  bytes: number;
  neededGlibc: string;
  /** Undefined for another processor than the machine's. */
  startMs: number | undefined;
}

/** `docs/size.md`. */
export function sizePage({ circumstances, executables, artefacts, processors, kernels }: Sizes): string {
  return `# Sizes, start-up and floors

Written by \`npm run size\` after \`npm run release\`: ${circumstances}. MB are millions of bytes.

## Executables

\`start\` is the fastest \`version\` of many, with an empty environment; a release fails above ${START_AIM_MS} ms. Nearly all of an executable
is the runtime.

| executable | MB | start | needs glibc |
|---|---|---|---|
${executables
  .map(({ name, bytes, startMs, neededGlibc }) => row(code(name), mega(bytes), milliseconds(startMs), neededGlibc))
  .join("\n")}

## Artefacts

A release fails when a \`.tgz\` or \`.tar.gz\` has more than ${mega(LIMITS.gzip)} MB, or a \`.tar.zst\` more than ${mega(LIMITS.zstd)} MB.

| artefact | MB |
|---|---|
${artefacts.map(({ name, bytes }) => row(code(name), bytes < 50_000 ? "below 0.1" : mega(bytes))).join("\n")}

## What a host needs

- glibc ${GLIBC_FLOOR} or later, and nothing else of it than libc, libm, libdl, libpthread and the loader
- on amd64: ${CPU_FLOOR.amd64}
- on arm64: ${CPU_FLOOR.arm64}
- Linux ${KERNEL_FLOOR} or later, with \`/proc\` mounted

The processors are played by qemu, and \`version\` is run on each.

| processor | amd64 |
|---|---|
${trials(processors.amd64)}

| processor | arm64 |
|---|---|
${trials(processors.arm64)}

For the kernels \`version\`, and \`enable\` on an image, were run with the system calls of the older kernel only: all later ones
answered that they do not exist. That shows what the executable can do without, not how such a kernel behaves.

| system calls of Linux | \`version\` and \`enable\` |
|---|---|
${trials(kernels)}
`;
}

function trials(found: readonly Trial[]): string {
  return found
    .map(({ name, works }) => row(name.replace(",-", " without "), works ? "works" : "does not start"))
    .join("\n");
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function milliseconds(time: number | undefined): string {
  return time === undefined ? "not measured here" : `${time.toFixed(1)} ms`;
}
