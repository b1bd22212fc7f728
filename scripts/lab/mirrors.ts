import { join } from "node:path";
import type { Authority } from "../../test/support/certificates.ts";
import { MIRROR_LOGIN, nginxObstacle, startNginx } from "../../test/support/nginx.ts";
import { startProxyAndCdn } from "../../test/support/proxy-and-cdn.ts";

/** Mirrors of one folder. */
export interface Mirrors extends AsyncDisposable {
  description: string;
  /** For everybody. */
  plain: string;
  /** With a password. */
  basic: string;
  /** For who shows a certificate; undefined where there is no nginx. */
  certificate: string | undefined;
}

/** nginx where it is installed; else servers of ours for the first two, and a line that says why. */
export async function startMirrors(
  releases: string,
  authority: Authority,
  fileNames: readonly string[],
): Promise<Mirrors> {
  const certificates = await authority.issue();
  const obstacle = nginxObstacle();
  if (obstacle === undefined) {
    const nginx = await startNginx(releases, certificates);
    const dispose = () => nginx[Symbol.asyncDispose]();
    return { ...nginx.urls, description: "nginx", [Symbol.asyncDispose]: dispose };
  }
  const plain = await startProxyAndCdn({ certificates, releases });
  const basic = await startProxyAndCdn({ certificates });
  for (const name of fileNames) {
    basic.respond(`/${name}`, ({ headers }) =>
      headers.get("authorization") === BASIC
        ? new Response(Bun.file(join(releases, name)))
        : new Response(null, { status: 401 }),
    );
  }
  return {
    description: `servers of ours, and none that wants a certificate, as ${obstacle}`,
    plain: plain.baseUrl,
    basic: basic.baseUrl,
    certificate: undefined,
    async [Symbol.asyncDispose]() {
      for (const server of [plain, basic]) await server[Symbol.asyncDispose]();
    },
  };
}

const BASIC = `Basic ${btoa(`${MIRROR_LOGIN.login}:${MIRROR_LOGIN.password}`)}`;
