import { existsSync, lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath } from "../test/support/executable.ts";
import { advertise, startProxyAndCdn } from "../test/support/proxy-and-cdn.ts";
import { makeRelease, type ReleaseOptions } from "../test/support/release-maker.ts";
import { type DemoHost, openHost } from "./demo/hosts.ts";

/**
 * `npm run demo`: the main job with no cluster at hand. A proxy and CDN on loopback, a release of real size, a host, and
 * the compiled executable that enrolls it; then what changed on disk, a move to a good release, and a bad release that
 * the host survives. Cleans up after itself.
 */
const VERSION = "18.4.1";
const GOOD = "18.4.2";
const BAD = "18.4.3";
const UNPACKED_BYTES = 650_000_000;

async function main(): Promise<void> {
  title("Build the executable");
  const executable = await executablePath();
  console.log(executable);

  title(`Make release ${VERSION}, of real size`);
  const scratch = mkdtempSync(join(tmpdir(), "teleport-update-releases-"));
  try {
    const release = await makeRelease({ directory: scratch, version: VERSION, unpackedBytes: UNPACKED_BYTES });
    console.log("its programs are small stand-ins that behave like the agent and the bot, padded to size");
    console.log(`${release.fileName}: ${megabytes(release.bytes)} (${megabytes(release.unpackedBytes)} unpacked)`);
    await using cluster = await startProxyAndCdn({ releases: scratch });
    cluster.find = advertise(VERSION);
    console.log(`proxy and CDN listen on ${cluster.baseUrl}`);

    title("Start a host");
    await using host = await openHost(executable, cluster.ca);
    console.log(host.description);
    await showEnrolment(host, cluster.address, cluster.baseUrl);

    title(`The cluster moves on to ${GOOD}`);
    await makeRelease({ directory: scratch, version: GOOD });
    cluster.find = advertise(GOOD);
    await must(host, ["update", "--now"]);
    await showAgent(host);

    await makeRelease({ directory: scratch, version: BAD, ...badness(host) });
    title(
      `The cluster moves on to ${BAD}, ${host.isBooted ? "whose agent ends at once" : "which is for another processor"}`,
    );
    cluster.find = advertise(BAD);
    if (host.isBooted) console.log("the updater watches the agent for a minute before it gives up on the release");
    console.log(`exit code ${await host.updater(["update", "--now"])}`);
    await showAgent(host);

    title("teleport-update status");
    await must(host, ["status"]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function showEnrolment(host: DemoHost, proxy: string, baseUrl: string): Promise<void> {
  const before = new Set(shape(host));
  title(`teleport-update enable --proxy ${proxy} --base-url ${baseUrl}`);
  await must(host, ["enable", "--proxy", proxy, "--base-url", baseUrl]);

  title("teleport-update status");
  await must(host, ["status"]);

  title("What changed on the host");
  for (const line of shape(host)) if (!before.has(line)) console.log(line);

  if (!host.isBooted) return;
  title("Start the agent, as the notice says");
  console.log("$ systemctl enable --now teleport");
  console.log(await host.run(["systemctl", "enable", "--now", "teleport"]));
  console.log(await host.run(["systemctl", "--no-pager", "--lines=0", "status", "teleport", "teleport-update.timer"]));
}

/** A tree runs no agent, so a release shows there what is wrong with it only in its programs. */
function badness(host: DemoHost): Partial<ReleaseOptions> {
  return { bad: { agent: host.isBooted ? "exits-at-once" : "wrong-architecture" } };
}

async function showAgent(host: DemoHost): Promise<void> {
  if (!host.isBooted) return;
  console.log(await host.run(["sh", "-c", "teleport version; systemctl is-active teleport"]));
}

/** Where an updater may write, path by path; contents would only be noise here. */
const TOLD = ["etc", "opt", "usr/local/bin", "usr/lib/systemd/system", "lib/systemd/system", "var/lib"];

function shape({ directory }: DemoHost): string[] {
  return TOLD.filter((folder) => existsSync(join(directory, folder))).flatMap((folder) =>
    readdirSync(join(directory, folder), { recursive: true, encoding: "utf8" })
      .sort()
      .map((path) => describe(directory, join(folder, path))),
  );
}

function describe(directory: string, path: string): string {
  const stats = lstatSync(join(directory, path));
  if (stats.isSymbolicLink()) return `/${path} -> ${readlinkSync(join(directory, path))}`;
  return stats.isDirectory() ? `/${path}/` : `/${path}`;
}

async function must(host: DemoHost, args: readonly string[]): Promise<void> {
  const exitCode = await host.updater(args);
  if (exitCode !== 0) throw new Error(`\`teleport-update ${args[0]}\` ended with exit code ${exitCode}`);
}

function title(text: string): void {
  console.log(`\n=== ${text}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

await main();
