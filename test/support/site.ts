import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHttp } from "../../src/platform/fetch-http.ts";
import type { Http } from "../../src/platform/http.ts";
import { LOCAL_NAMES, makeAuthority } from "./certificates.ts";
import { startConnectProxy } from "./connect-proxy.ts";
import { type ProxyAndCdn, startProxyAndCdn } from "./proxy-and-cdn.ts";
import { type MadeRelease, makeRelease, type ReleaseOptions } from "./release-maker.ts";

/** Everything outside a host: its cluster, a mirror, and upstream's CDN, all of them one server of this machine. */
export interface Site extends AsyncDisposable {
  server: ProxyAndCdn;
  /** The network as a host sees it: it trusts the server, and a tunnel leads every name that is not local to it. */
  http: Http;
  /** What was asked for, as `/path?query`, and names of other machines in front of it; empty again afterwards. */
  takeRequests(): string[];
  /** Makes a release among those that are served. */
  release(options: Omit<ReleaseOptions, "directory">): Promise<MadeRelease>;
  /** Starts another mirror of the same releases: an origin of its own. */
  mirror(): Promise<ProxyAndCdn>;
}

export async function startSite(): Promise<Site> {
  const releases = mkdtempSync(join(tmpdir(), "site-"));
  const certificates = await (await makeAuthority()).issue([...LOCAL_NAMES, "cdn.teleport.dev", "mirror.test"]);
  const server = await startProxyAndCdn({ certificates, releases });
  const tunnel = await startConnectProxy({ route: () => server.address });
  return {
    server,
    http: openHttp({
      trust: () => ({ pem: certificates.ca, files: ["the test's own authority"] }),
      insecure: false,
      proxies: { httpsProxy: `http://${tunnel.address}`, httpProxy: "", noProxy: "" },
    }),
    takeRequests: () =>
      server.requests.splice(0).map(({ headers, path, query }) => {
        const name = headers["host"] === server.address ? "" : `${headers["host"]}`;
        const words = new URLSearchParams(query).toString();
        return `${name}${path}${words && `?${words}`}`;
      }),
    release: (options) => makeRelease({ ...options, directory: releases }),
    mirror: () => startProxyAndCdn({ certificates, releases }),
    async [Symbol.asyncDispose]() {
      await tunnel[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      rmSync(releases, { recursive: true, force: true });
    },
  };
}
