import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath } from "../test/support/executable.ts";
import { advertise } from "../test/support/proxy-and-cdn.ts";
import { makeRelease } from "../test/support/release-maker.ts";

/**
 * `bun run bench`: the figures of the documents. A release of real size is enrolled from a TLS server on loopback by the
 * compiled executable, synced to disk, in turn with `curl | tee >(sha256sum) | tar xz`, which syncs nothing; then the
 * start-up of `version`. Ratios of medians within one run, as machines differ.
 */
const VERSION = "18.4.1";
const ROUNDS = Number(process.env["ROUNDS"] ?? 3);
const START_RUNS = 30;

async function main(): Promise<void> {
  const executable = await executablePath();
  const scratch = mkdtempSync(join(tmpdir(), "teleport-update-bench-"));
  try {
    await benchEnable(executable, scratch);
    await benchStart(executable);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function benchEnable(executable: string, scratch: string): Promise<void> {
  const releases = join(scratch, "releases");
  const release = await makeRelease({ directory: releases, version: VERSION, unpackedBytes: 650_000_000 });
  console.log(
    `archive of ${(release.bytes / 1e6).toFixed(0)} MB, ${(release.unpackedBytes / 1e6).toFixed(0)} MB unpacked`,
  );
  const server = await startServer(scratch, releases);
  try {
    const ours: Measured[] = [];
    const peers: Measured[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(await enable(executable, scratch, server));
      peers.push(await curlTar(scratch, server, release.fileName));
    }
    report("teleport-update enable (synced)", ours);
    report("curl | tee >(sha256sum) | tar xz", peers);
    console.log(`ratio of medians: ${(median(ours.map(seconds)) / median(peers.map(seconds))).toFixed(2)}`);
  } finally {
    server.stop();
  }
}

interface Server {
  address: string;
  caFile: string;
  stop(): void;
}

/** In a process of its own, as a server would be. */
async function startServer(scratch: string, releases: string): Promise<Server> {
  const find = join(scratch, "find.json");
  await Bun.write(find, JSON.stringify(advertise(VERSION)));
  const script = join(import.meta.dir, "../test/support/proxy-and-cdn.ts");
  const child = Bun.spawn([process.execPath, script, "--directory", releases, "--find", find, "--state", scratch], {
    stdout: "pipe",
    stderr: "inherit",
  });
  // Its first line comes once it listens.
  await child.stdout.getReader().read();
  const address = readFileSync(join(scratch, "address"), "utf8").trim();
  return { address, caFile: join(scratch, "ca.pem"), stop: () => child.kill() };
}

interface Measured {
  milliseconds: number;
  /** Of the one process, or of the largest in a pipe; undefined when it was not watched. */
  peakBytes: number | undefined;
}

async function enable(executable: string, scratch: string, { address, caFile }: Server): Promise<Measured> {
  const root = join(scratch, "root");
  mkdirSync(root);
  const measured = await measure([
    executable,
    "--root",
    root,
    "enable",
    "--proxy",
    address,
    "--base-url",
    `https://${address}`,
    "--ca-file",
    caFile,
  ]);
  rmSync(root, { recursive: true });
  return measured;
}

async function curlTar(scratch: string, { address, caFile }: Server, fileName: string): Promise<Measured> {
  const directory = join(scratch, "unpacked");
  mkdirSync(directory);
  const url = `https://${address}/${fileName}`;
  const pipe = `set -o pipefail; curl -fsS --cacert ${caFile} ${url} | tee >(sha256sum >/dev/null) | tar xz -C ${directory}`;
  const measured = await measure(["/bin/bash", "-c", pipe]);
  rmSync(directory, { recursive: true });
  return measured;
}

async function measure(argv: string[]): Promise<Measured> {
  const started = performance.now();
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe", env: {} });
  let peakBytes: number | undefined;
  // The kernel keeps the high-water mark, so looking now and then misses only the last moments.
  const watch = setInterval(() => {
    peakBytes = highWaterMark(child.pid) ?? peakBytes;
  }, 10);
  const exitCode = await child.exited;
  clearInterval(watch);
  if (exitCode !== 0) throw new Error(`${argv[0]} ended with ${exitCode}:\n${await new Response(child.stderr).text()}`);
  return { milliseconds: performance.now() - started, peakBytes };
}

function highWaterMark(pid: number): number | undefined {
  const path = `/proc/${pid}/status`;
  const kilobytes = existsSync(path) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(path, "utf8"))?.[1] : undefined;
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

async function benchStart(executable: string): Promise<void> {
  const runs: number[] = [];
  for (let run = 0; run < START_RUNS; run += 1) runs.push((await measure([executable, "version"])).milliseconds);
  console.log(
    `version: median ${median(runs).toFixed(1)} ms, fastest ${Math.min(...runs).toFixed(1)} ms of ${START_RUNS}`,
  );
}

function report(name: string, runs: readonly Measured[]): void {
  const peaks = runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  const peak = peaks.length === 0 ? "" : `, peak memory ${(Math.max(...peaks) / 1e6).toFixed(0)} MB`;
  const all = runs.map((run) => seconds(run).toFixed(2)).join(", ");
  console.log(`${name}: median ${median(runs.map(seconds)).toFixed(2)} s (${all})${peak}`);
}

const seconds = ({ milliseconds }: Measured) => milliseconds / 1000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main();
