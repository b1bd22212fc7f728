import { startSquid } from "../../test/booted/support/squid.ts";
import { makeAuthority } from "../../test/support/certificates.ts";
import { startConnectProxy } from "../../test/support/connect-proxy.ts";
import type { ProxyAndCdn } from "../../test/support/proxy-and-cdn.ts";

/** Forward proxies, for `HTTPS_PROXY`. They alone know where the name of the cluster leads, as loopback is never proxied. */
export interface Proxies extends AsyncDisposable {
  description: string;
  open: string;
  /** Asks for `PROXY_LOGIN`. */
  guarded: { address: string; url: string };
  /** Opens TLS, with certificates of an authority that no store has. */
  intercepting: { url: string; ca: string; authority: string };
}

const PROXY_LOGIN = "lab:hunter2";
const INTERCEPTOR = "Intercepting authority";

export async function startProxies(name: string, cluster: ProxyAndCdn): Promise<Proxies> {
  await using parts = new AsyncDisposableStack();
  const port = cluster.address.split(":").at(-1) ?? "";
  const route = () => cluster.address;
  const hasSquid = process.getuid?.() === 0 && Bun.which("squid") !== null;
  const open = hasSquid
    ? parts.use(await startSquid("127.0.0.1", { [name]: "127.0.0.1" })).url
    : `http://${parts.use(await startConnectProxy({ route })).address}`;
  const guarded = parts.use(await startConnectProxy({ route, credentials: PROXY_LOGIN }));

  const authority = await makeAuthority(INTERCEPTOR);
  const { cert, key } = await authority.issue([name]);
  const opener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert, key },
    fetch({ url, headers, method }) {
      const { pathname, search } = new URL(url);
      return fetch(`${cluster.baseUrl}${pathname}${search}`, { headers, method, tls: { ca: cluster.ca } });
    },
  });
  parts.defer(() => opener.stop(true));
  const intercepting = parts.use(await startConnectProxy({ route: () => `127.0.0.1:${opener.port}` }));
  const running = parts.move();
  return {
    description: `${hasSquid ? "squid" : "a proxy of ours (squid needs root)"}, one with a password, one that opens TLS; they know \`${name}:${port}\``,
    open,
    guarded: { address: guarded.address, url: `http://${PROXY_LOGIN}@${guarded.address}` },
    intercepting: { url: `http://${intercepting.address}`, ca: authority.ca, authority: INTERCEPTOR },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
