import { type ProxyEnvironment, proxyFor } from "./connect-proxy.ts";
import { UpdateError } from "./errors.ts";
import type { Http, HttpAnswer, HttpOptions } from "./http.ts";
import { describeRequest, type RequestContext } from "./http-context.ts";
import { explainHttpError } from "./http-errors.ts";
import { type Limits, startLimits } from "./http-limits.ts";
import { type Hop, MAX_REDIRECTS, nextHop, parseHttpUrl, tooManyRedirects } from "./http-redirect.ts";
import type { MetCertificate } from "./met-certificates.ts";
import { isCertificateError } from "./tls-errors.ts";
import type { TrustStore } from "./trust-store.ts";

export interface HttpSettings {
  /** Read when the first https request is made, and not at all when `insecure`. */
  trust: () => TrustStore;
  /** Certificates are not checked. */
  insecure: boolean;
  proxies: ProxyEnvironment;
}

/**
 * The network of this machine. Only the given trust store counts (Bun would also trust its bundled roots), only the given
 * proxies act (see `forgetProxyEnvironment`), and bodies come as sent: a digest must be of the bytes that were published.
 */
export function fetchHttp(settings: HttpSettings): Http {
  let store: TrustStore | undefined;
  const trust = () => {
    store ??= settings.trust();
    return store;
  };
  return { get: async (url, options = {}) => get({ ...settings, trust }, parseHttpUrl(url), options) };
}

async function get(settings: HttpSettings, url: URL, options: HttpOptions): Promise<HttpAnswer> {
  let hop: Hop = { url, headers: options.headers ?? {}, certificate: options.certificate };
  let context = contextOf(settings, url);
  const limits = startLimits(options, () => describeRequest(context));
  try {
    for (let redirects = 0; ; redirects += 1) {
      const response = await send(settings, hop, context, limits);
      const next = nextHop(response, hop);
      if (next === undefined) return answer({ response, context, limits });
      await response.body?.cancel();
      if (redirects === MAX_REDIRECTS) throw tooManyRedirects(hop);
      hop = next;
      context = contextOf(settings, hop.url);
    }
  } catch (error) {
    limits.end();
    throw explainHttpError(error, context, await certificatesMet(error, context));
  }
}

/** Whom a server shows that was refused for it; not where nothing is checked. */
async function certificatesMet(error: unknown, context: RequestContext): Promise<MetCertificate[]> {
  if (context.trust === undefined || !isCertificateError(error)) return [];
  const { meetCertificates } = await import("./met-certificates.ts");
  return meetCertificates(context);
}

function contextOf({ insecure, proxies, trust }: HttpSettings, url: URL): RequestContext {
  const isChecked = !insecure && url.protocol === "https:";
  return { url, proxy: proxyFor(url, proxies), trust: isChecked ? trust() : undefined };
}

async function send({ insecure }: HttpSettings, hop: Hop, context: RequestContext, limits: Limits): Promise<Response> {
  const { proxy, trust } = context;
  const shown = hop.certificate;
  const response = await limits.wait(
    fetch(hop.url.href, {
      headers: { ...hop.headers, "Accept-Encoding": "identity" },
      signal: limits.signal,
      redirect: "manual",
      decompress: false,
      proxy: proxy?.href ?? false,
      // Always said, or `NODE_TLS_REJECT_UNAUTHORIZED` would decide.
      tls: {
        rejectUnauthorized: !insecure,
        ...(trust && { ca: trust.pem }),
        ...(shown && { cert: shown.cert, key: shown.key }),
      },
    }),
  );
  // For an http URL there is no tunnel that could fail: the proxy answers in place of the server.
  if (proxy !== undefined && hop.url.protocol === "http:" && response.status === 407) {
    throw Object.assign(new Error(response.statusText), { code: "ERR_PROXY_TUNNEL", status: response.status });
  }
  return response;
}

/** A request that was answered; its limits hold until the body is read. */
interface Exchange {
  response: Response;
  context: RequestContext;
  limits: Limits;
}

function answer(exchange: Exchange): HttpAnswer {
  const { response, context, limits } = exchange;
  const body = chunks(exchange);
  return {
    status: response.status,
    headers: response.headers,
    url: context.url.href,
    body,
    text: (limit) => collect(body, limit, context),
    discard: async () => limits.end(),
  };
}

async function* chunks({ response, context, limits }: Exchange): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    const reader = (response.body ?? new Blob().stream()).getReader();
    const next = () => limits.wait(reader.read());
    for (let part = await next(); !part.done; part = await next()) {
      received += part.value.length;
      limits.arrived(part.value.length);
      yield part.value;
    }
    checkLength(response, received, context);
  } catch (error) {
    throw explainHttpError(error, context);
  } finally {
    limits.end();
  }
}

/** Bun notices a cut itself, but this costs nothing and a short archive must never pass for a whole one. */
function checkLength({ headers, body }: Response, received: number, context: RequestContext): void {
  const announced = headers.get("content-length");
  if (announced === null || body === null || Number(announced) === received) return;
  throw new UpdateError(
    "E_NETWORK",
    `${describeRequest(context)} sent ${received} of the ${announced} bytes that it announced`,
    { hint: "run the command again", retryAfterMs: 0 },
  );
}

async function collect(body: AsyncIterable<Uint8Array>, limit: number, context: RequestContext): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) {
      throw new UpdateError("E_NETWORK", `${describeRequest(context)} sent more than ${limit} bytes`, {
        hint: "check the address, and whether a portal or proxy in between answers in the server's place",
      });
    }
    parts.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}
