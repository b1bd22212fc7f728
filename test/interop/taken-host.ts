import type { World } from "../../src/platform/world.ts";
import { type Namespace, namespaceFor } from "../../src/settings/namespace.ts";
import { advertise, type FindBody } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { offlineHost, type UpdateHost } from "../support/update-host.ts";
import {
  layUpstreamHost,
  UPSTREAM_HOSTS,
  type UpstreamHost,
  type UpstreamSite,
  upstreamText,
} from "../support/upstream-host.ts";

export type UpstreamHostName = keyof typeof UPSTREAM_HOSTS;
export const UPSTREAM_HOST_NAMES = Object.keys(UPSTREAM_HOSTS) as UpstreamHostName[];

/** A host that upstream left, seen through `--root`. */
export interface TakenHost extends UpdateHost {
  upstream: UpstreamHost;
  namespace: Namespace;
  /** `update.yaml` as upstream left it. */
  typed: string;
  /** `update.yaml` now, with `PROXY` for the server's address. */
  settings(): string;
}

/** A site with every release that the hosts know, and one that they do not: 18.3.0. */
export interface InteropSite extends Site, Pick<UpstreamSite, "archives"> {}

export async function startInteropSite(): Promise<InteropSite> {
  const site = await startSite();
  const archives: Record<string, string> = {};
  for (const version of ["18.0.0", "18.1.0", "18.2.0", "18.3.0"]) {
    archives[version] = (await site.release({ version })).archive;
  }
  archives["18.1.0_ent"] = (await site.release({ version: "18.1.0", flags: ["Enterprise"] })).archive;
  archives["18.1.0_ent_fips"] = (await site.release({ version: "18.1.0", flags: ["Enterprise", "FIPS"] })).archive;
  return { ...site, archives };
}

/** Lays out one of the hosts of upstream; its cluster goes on with the version that is active there. */
export async function takenHost(
  site: InteropSite,
  name: UpstreamHostName,
  parts: Partial<World> = {},
): Promise<TakenHost> {
  const upstream = UPSTREAM_HOSTS[name];
  const namespace = namespaceFor(upstream.suffix);
  const host = offlineHost(site, parts);
  const proxy = site.server.address;
  await layUpstreamHost(host.root, upstream, { proxy, archives: site.archives });
  site.server.find = clusterOf(upstream, "18.1.0");
  site.takeRequests();
  return {
    ...host,
    upstream,
    namespace,
    typed: upstreamText(upstream, namespace.config),
    settings: () => host.read(namespace.config).replaceAll(proxy, "PROXY"),
  };
}

/** What a cluster of the host's own edition answers. */
export function clusterOf({ active }: UpstreamHost, version: string, inWindow = true): FindBody {
  return advertise(version, active.endsWith("_fips") ? { inWindow, edition: "ent", fips: true } : { inWindow });
}
