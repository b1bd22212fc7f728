import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { revision, revisionDirectory } from "../../../src/settings/revision.ts";
import type { ServerCertificate } from "../../support/certificates.ts";
import { advertise, type ProxyAndCdn, startProxyAndCdn } from "../../support/proxy-and-cdn.ts";
import { type MadeRelease, makeRelease, type ReleaseOptions } from "../../support/release-maker.ts";

/** A proxy and CDN on the loopback that a booted host shares, with releases to offer. */
export interface Cluster extends ProxyAndCdn {
  /** By the name of the version directory: `18.1.0_ent`. */
  made: Record<string, MadeRelease>;
}

type Offer = Omit<ReleaseOptions, "directory">;

/** Makes the releases and serves them; the first one is advertised. */
export async function startCluster(
  releases: readonly [Offer, ...Offer[]],
  options: { certificates?: ServerCertificate; hostname?: string } = {},
): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), "releases-"));
  const made: Record<string, MadeRelease> = {};
  for (const release of releases) {
    made[revisionDirectory(revision(release.version, release.flags))] = await makeRelease({ ...release, directory });
  }
  const server = await startProxyAndCdn({ ...options, releases: directory });
  server.find = advertise(releases[0].version);
  const stop = server[Symbol.asyncDispose];
  return Object.assign(server, {
    made,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(directory, { recursive: true });
    },
  });
}

/** The words of a first enrolment. */
export function enableFrom(cluster: ProxyAndCdn): string[] {
  return ["enable", "--proxy", cluster.address, "--base-url", cluster.baseUrl];
}
