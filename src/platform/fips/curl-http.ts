import type { Http } from "../http.ts";
import type { RequestContext } from "../http-context.ts";
import { type Carrier, exchangeHttp, type HttpSettings, type Reply } from "../http-exchange.ts";
import type { Limits } from "../http-limits.ts";
import type { Hop } from "../http-redirect.ts";
import { formatCurlConfig } from "./curl-config.ts";
import { requestOptions } from "./curl-options.ts";
import { readReply } from "./curl-reply.ts";
import { startCurl } from "./curl-transfer.ts";
import { lendFiles } from "./lent-files.ts";
import { meetCertificates } from "./met-certificates.ts";
import { requireFips } from "./require-fips.ts";

/**
 * The network of this machine by the host's `curl`, and so TLS by the host's module. As of the ordinary variant, and fails
 * with `E_FIPS` too: before each request the host has to be in FIPS mode still.
 */
export function openHttp(settings: HttpSettings): Http {
  return curlHttp(settings, requireFips);
}

/** As `openHttp`, after what `allow` demands before each request. */
export function curlHttp(settings: HttpSettings, allow: () => Promise<void>): Http {
  const carrier: Carrier = {
    async send(hop, context, limits) {
      await allow();
      return send(settings, hop, context, limits);
    },
    meetCertificates,
  };
  return exchangeHttp(settings, carrier);
}

/** Descriptor 3 is where the answer comes out. */
const FIRST_LENT = 4;

async function send({ insecure }: HttpSettings, hop: Hop, context: RequestContext, { signal }: Limits): Promise<Reply> {
  signal.throwIfAborted();
  const contents = { authorities: context.trust?.pem, cert: hop.certificate?.cert, key: hop.certificate?.key };
  const known = Object.entries(contents).flatMap(([name, content]) =>
    content === undefined ? [] : [{ name, content }],
  );
  using lent = lendFiles(
    known.map(({ content }) => content),
    FIRST_LENT,
  );
  const path = (name: string) => lent.paths[known.findIndex((one) => one.name === name)];
  const files = { authorities: path("authorities"), cert: path("cert"), key: path("key") };
  const config = formatCurlConfig(requestOptions(hop, context, files, insecure));
  return readReply(startCurl(config, lent.descriptors, signal));
}
