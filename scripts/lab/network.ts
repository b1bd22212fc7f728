import { readdirSync } from "node:fs";
import { LOCAL_NAMES, makeAuthority } from "../../test/support/certificates.ts";
import { type CuttingRelay, startCuttingRelay } from "../../test/support/cutting-relay.ts";
import { MIRROR_LOGIN } from "../../test/support/nginx.ts";
import { startProxyAndCdn } from "../../test/support/proxy-and-cdn.ts";
import { type MadeRelease, makeRelease } from "../../test/support/release-maker.ts";
import { makeSigningKey } from "../../test/support/signing-key.ts";
import type { LabFolder } from "./folder.ts";
import { type Mirrors, startMirrors } from "./mirrors.ts";
import { type Proxies, startProxies } from "./proxies.ts";

/** The cluster is at this version first; `next` is larger, and nobody signed `unsigned`. */
export const VERSIONS = { first: "18.4.1", next: "18.4.2", unsigned: "18.4.3" } as const;
const NEXT_UNPACKED_BYTES = 100_000_000;
/** Of the line that is cut again and again. */
const CUT_BYTES = 4 << 20;
const CLUSTER_NAME = "cluster.lab.test";

/** All that is on the other side of the host, on loopback. */
export interface LabNetwork extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  cluster: string;
  /** The same by a name that only the proxies know. */
  clusterByName: string;
  mirrors: Mirrors;
  proxies: Proxies;
  cutLine: CuttingRelay;
  releases: Record<keyof typeof VERSIONS, MadeRelease>;
  /** Paths of files of the host, as a command names them. */
  files: Record<"ca" | "interceptingCa" | "key" | "otherKey" | "netrc" | "clientCert" | "clientKey", string>;
}

export async function startNetwork(folder: LabFolder): Promise<LabNetwork> {
  await using parts = new AsyncDisposableStack();
  const authority = await makeAuthority("Lab authority");
  const directory = folder.releases;
  const releases = {
    first: await makeRelease({ directory, version: VERSIONS.first }),
    next: await makeRelease({ directory, version: VERSIONS.next, unpackedBytes: NEXT_UNPACKED_BYTES }),
    unsigned: await makeRelease({ directory, version: VERSIONS.unsigned }),
  };
  const key = makeSigningKey();
  for (const release of [releases.first, releases.next]) key.sign(release);

  const certificates = await authority.issue([...LOCAL_NAMES, CLUSTER_NAME]);
  const cluster = parts.use(await startProxyAndCdn({ certificates, releases: directory }));
  cluster.respond("/webapi/find", async () => Response.json(await Bun.file(folder.find).json()));
  const mirrors = parts.use(await startMirrors(directory, authority, readdirSync(directory)));
  const proxies = parts.use(await startProxies(CLUSTER_NAME, cluster));
  const cutLine = parts.use(
    await startCuttingRelay(mirrors.plain, { bytes: CUT_BYTES, times: Number.POSITIVE_INFINITY }),
  );
  const client = await authority.issueClient("host.lab.test");
  const { login, password } = MIRROR_LOGIN;
  const running = parts.move();
  return {
    cluster: cluster.address,
    clusterByName: cluster.address.replace("127.0.0.1", CLUSTER_NAME),
    mirrors,
    proxies,
    cutLine,
    releases,
    files: {
      ca: folder.hostFile("ca.pem", authority.ca),
      interceptingCa: folder.hostFile("intercepting-ca.pem", authority.ca + proxies.intercepting.ca),
      key: folder.hostFile("releases.pem", key.publicPem),
      otherKey: folder.hostFile("other.pem", makeSigningKey().publicPem),
      netrc: folder.hostFile("mirror.netrc", `machine 127.0.0.1 login ${login} password ${password}\n`),
      clientCert: folder.hostFile("client.pem", client.cert),
      clientKey: folder.hostFile("client.key", client.key),
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
