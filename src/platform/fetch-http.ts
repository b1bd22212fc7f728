import type { Http } from "./http.ts";
import type { RequestContext } from "./http-context.ts";
import { exchangeHttp, type HttpSettings, type Reply, type ReplyBody } from "./http-exchange.ts";
import type { Limits } from "./http-limits.ts";
import type { Hop } from "./http-redirect.ts";
import type { MetCertificate } from "./met-certificates.ts";

/**
 * The network of this machine by the runtime's own HTTP. Only the given trust store counts (Bun would also trust its
 * bundled roots), only the given proxies act (see `forgetProxyEnvironment`), and bodies come as sent: a digest must be of
 * the bytes that were published.
 */
export function openHttp(settings: HttpSettings): Http {
  return exchangeHttp(settings, {
    send: (hop, context, limits) => send(settings, hop, context, limits),
    meetCertificates,
  });
}

async function send({ insecure }: HttpSettings, hop: Hop, context: RequestContext, { signal }: Limits): Promise<Reply> {
  const { proxy, trust } = context;
  const shown = hop.certificate;
  const response = await fetch(hop.url.href, {
    headers: { ...hop.headers, "Accept-Encoding": "identity" },
    signal,
    redirect: "manual",
    decompress: false,
    proxy: proxy?.href ?? false,
    // Always said, or `NODE_TLS_REJECT_UNAUTHORIZED` would decide.
    tls: {
      rejectUnauthorized: !insecure,
      ...(trust && { ca: trust.pem }),
      ...(shown && { cert: shown.cert, key: shown.key }),
    },
  });
  const { status, headers, body } = response;
  return { status, headers, body: body && bodyOf(body) };
}

function bodyOf(stream: ReadableStream<Uint8Array>): ReplyBody {
  const reader = stream.getReader();
  return { read: () => reader.read(), cancel: () => reader.cancel() };
}

async function meetCertificates(context: RequestContext): Promise<MetCertificate[]> {
  const connection = await import("./met-certificates.ts");
  return connection.meetCertificates(context);
}
