import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Strike } from "../../src/platform/fault-point.ts";
import { makeAuthority } from "../support/certificates.ts";
import { startConnectProxy } from "../support/connect-proxy.ts";
import { testingExecutablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";
import { advertise, startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { makeRelease } from "../support/release-maker.ts";
import { layOutPackage } from "../support/teleport-package.ts";
import { HISTORY } from "./outsiders.ts";
import { type Command, LINK_FOLDERS, NEW, NEWEST, OLD, type Scenario, writeFiles } from "./scenarios.ts";

/**
 * A cluster with three releases, and a scratch folder for the trees of hosts. Each command hears from it what that command
 * is to hear, whatever runs beside it.
 */
export interface FaultBench extends AsyncDisposable {
  scratch: string;
  /**
   * Runs the testing executable over the tree, struck by `faults`; in place of them, `onStart` gets what ends the run by
   * SIGKILL as soon as it has started. `log` gets the points that are passed.
   */
  run(
    root: string,
    command: Command,
    faults?: readonly Fault[] | { onStart: (kill: () => void) => void },
    log?: string,
  ): Promise<Outcome>;
  /** A tree in the scenario's start state. */
  prepare(scenario: Scenario): Promise<string>;
  /** A cheap copy: files are shared, as no updater writes into an existing one, but for what it appends to. */
  copy(root: string): Promise<string>;
}

/** The n-th point that a run passes, from 0, and what strikes there. */
export interface Fault {
  index: number;
  strike: Strike;
}

export interface Outcome {
  exitCode: number;
  stderr: string;
}

export async function openFaultBench(): Promise<FaultBench> {
  const scratch = mkdtempSync(join(tmpdir(), "teleport-update-faults-"));
  // One program for the whole run, whatever is built meanwhile.
  const executable = join(scratch, "teleport-update");
  copyFileSync(await testingExecutablePath(), executable);
  const releases = join(scratch, "releases");
  for (const version of VERSIONS) await makeRelease({ directory: releases, version, unpackedBytes: 0 });
  await using opening = new AsyncDisposableStack();
  const certificates = await (await makeAuthority()).issue([CLUSTER]);
  const ways = new Map<string, string>();
  for (const version of VERSIONS) {
    const server = opening.use(await startProxyAndCdn({ certificates, releases }));
    server.find = advertise(version);
    ways.set(version, opening.use(await startConnectProxy({ route: () => server.address })).address);
  }
  const opened = opening.move();
  let folders = 0;
  const freshFolder = () => {
    folders += 1;
    return join(scratch, `root-${folders}`);
  };

  const run: FaultBench["run"] = async (root, { wants, args, program = executable }, faults = [], log) => {
    const [command = "", ...rest] = args;
    const isEnrolling = command === "enable" || command === "pin";
    const child = Bun.spawn(
      [
        program,
        "--root",
        root,
        command,
        ...rest,
        ...(isEnrolling ? ["--proxy", CLUSTER, "--base-url", `https://${CLUSTER}`] : []),
      ],
      {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        env: {
          HTTPS_PROXY: `http://${ways.get(wants)}`,
          ...("onStart" in faults ? {} : { TESTING_FAULT: faults.map(faultWord).join() }),
          ...(log === undefined ? {} : { TESTING_FAULT_LOG: log }),
        },
      },
    );
    if ("onStart" in faults) faults.onStart(() => child.kill("SIGKILL"));
    const stderr = await new Response(child.stderr).text();
    return { exitCode: await child.exited, stderr };
  };
  return {
    scratch,
    run,
    async prepare(scenario) {
      const root = freshFolder();
      mkdirSync(join(root, "etc"), { recursive: true });
      await Bun.write(join(root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
      await Bun.write(join(root, "etc/ca.pem"), certificates.ca);
      await Bun.write(join(root, OPTIONS), "version: v1\nkind: updater_options\nca_file: /etc/ca.pem\n");
      writeFiles(root, scenario.files);
      if (scenario.hasPackage) await layOutPackage(root, { version: OLD });
      for (const step of scenario.start) {
        const { exitCode, stderr } = await run(root, step);
        if (exitCode !== 0) throw new Error(`${scenario.name}: \`${step.args.join(" ")}\` failed:\n${stderr}`);
      }
      return root;
    },
    async copy(root) {
      const copy = freshFolder();
      await must(["cp", "-al", root, copy]);
      ownFile(join(copy, HISTORY));
      return copy;
    },
    async [Symbol.asyncDispose]() {
      await opened.disposeAsync();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** A file that runs append to is not to be shared by the copies of a tree, nor to look as if somebody had linked it. */
function ownFile(path: string): void {
  if (!existsSync(path)) return;
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
}

/** A name that no resolver knows. The way to it tells a run which version the cluster wants, as every host is told the same. */
const CLUSTER = "cluster.test";
const VERSIONS = [OLD, NEW, NEWEST];

const faultWord = ({ index, strike }: Fault) => `${index}:${strike}`;

/** So that every run trusts the cluster, whatever was undone before it. */
const OPTIONS = "opt/teleport/default/updater.yaml";

/**
 * What a tree comes to: names, modes, links and texts; programs by their size, times not at all. Two hosts that came to the
 * same end are compared in full. One that a failed run put back is compared with its start, or one that a crowd left with
 * another, `without outcomes`.
 */
export function shapeOf(root: string, part: "whole" | "without outcomes" = "whole"): string[] {
  const entries = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return entries
    .filter((path) => !/(update\.lock|history\.jsonl)$/.test(path))
    .map((path) => describe(join(root, path), `/${path}`))
    .map((line) => (part === "whole" ? line : line.replace(OUTCOMES, "")));
}

/**
 * In `update.yaml`, as a line of a shape has it: an update that failed says so in `last_update`, after the host is put back, and
 * `backup` may have made room for its release before the first change. That is by design, and nothing to be put back.
 */
const OUTCOMES = /(?<=\\n) {4}(last_update|backup):\\n( {8}((?!\\n).)*\\n)+/g;

/** Two runs accept a release at two times, and try an update at two. */
const TIMES = /(?<="accepted": ")[^"]*|(?<=^ {8}time: ).*/gm;

function describe(at: string, path: string): string {
  const stats = lstatSync(at);
  if (stats.isSymbolicLink()) return `${path} -> ${readlinkSync(at)}`;
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isDirectory()) return `${path}/ ${mode}`;
  if (stats.size > 64_000) return `${path} ${mode} ${stats.size} bytes`;
  const text = readFileSync(at, "utf8").replace(TIMES, "");
  return `${path} ${mode} ${JSON.stringify(text)}`;
}

/** The links that are in both trees: a run that takes a host from the one to the other never lacks them. */
export function lastingLinks(start: string, end: string): string[] {
  const kept = linksIn(end);
  return linksIn(start).filter((name) => kept.includes(name));
}

function linksIn(root: string): string[] {
  const folders = LINK_FOLDERS.filter((folder) => existsSync(join(root, folder)));
  const paths = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)));
  return paths.filter((path) => lstatSync(join(root, path)).isSymbolicLink());
}

/**
 * The promise, at any instant: every link of ours resolves, into a version that is complete, and none of `lasting` is
 * missing. Answers what breaks it.
 */
export function brokenPromises(root: string, lasting: readonly string[] = []): string[] {
  const links = linksIn(root);
  const missing = lasting.filter((name) => !links.includes(name)).map((name) => `${name} is not linked`);
  const broken = links.flatMap((name) => {
    const target = readlinkSync(join(root, name));
    if (!existsSync(join(root, target))) return [`${name} leads to ${target}, which is not there`];
    if (statSync(join(root, target)).size === 0) return [`${name} leads to ${target}, which is empty`];
    const version = /^(.*\/versions\/[^/]+)\/bin\//.exec(target)?.[1];
    if (version === undefined) return [];
    const digest = join(root, version, "sha256");
    return existsSync(digest) && readFileSync(digest, "utf8").length === 64
      ? []
      : [`${dirname(target)} is not complete`];
  });
  return [...missing, ...broken];
}

/** The first entries that only one of two trees has; namespaces keep what the lock needs. */
export function differenceOf(expected: readonly string[], found: readonly string[]): string | undefined {
  const isOfTheLock = (line: string) => /^\/opt(\/teleport(\/default(\/versions)?)?)?\/ 755$/.test(line);
  const [missing, extra] = [
    expected.filter((line) => !found.includes(line) && !isOfTheLock(line)),
    found.filter((line) => !expected.includes(line) && !isOfTheLock(line)),
  ];
  if (missing.length + extra.length === 0) return undefined;
  return [...missing.slice(0, 3).map((line) => `- ${line}`), ...extra.slice(0, 3).map((line) => `+ ${line}`)]
    .join("  ")
    .slice(0, 600);
}
