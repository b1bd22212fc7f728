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

/** Who carries requests over the network: the runtime, or a program of the host. */
export interface Carrier {
  /**
   * One request, and never a second one for a redirect. Rejects, as does the body, with the reason of `limits.signal`, an
   * `UpdateError`, or an error with a `code` that `explainHttpError` knows.
   */
  send(hop: Hop, context: RequestContext, limits: Limits): Promise<Reply>;
  /** Whom a server shows that was refused for its certificate; never rejects. */
  meetCertificates(context: RequestContext): Promise<MetCertificate[]>;
}

export interface Reply {
  status: number;
  headers: Headers;
  /** Null for an answer that has none by its status. */
  body: ReplyBody | null;
}

/** Bytes as sent. */
export interface ReplyBody {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/**
 * The network of this machine, whoever carries the requests: redirects, limits and failures are the same. Only the given
 * trust store and the given proxies count.
 */
export function exchangeHttp(settings: HttpSettings, carrier: Carrier): Http {
  let store: TrustStore | undefined;
  const trust = () => {
    store ??= settings.trust();
    return store;
  };
  return { get: async (url, options = {}) => get({ ...settings, trust }, carrier, parseHttpUrl(url), options) };
}

async function get(settings: HttpSettings, carrier: Carrier, url: URL, options: HttpOptions): Promise<HttpAnswer> {
  let hop: Hop = { url, headers: options.headers ?? {}, certificate: options.certificate };
  let context = contextOf(settings, url);
  const limits = startLimits(options, () => describeRequest(context));
  try {
    for (let redirects = 0; ; redirects += 1) {
      const reply = await limits.wait(carrier.send(hop, context, limits));
      refuseProxyAnswer(reply, context);
      const next = nextHop(reply, hop);
      if (next === undefined) return answer({ reply, context, limits });
      await reply.body?.cancel();
      if (redirects === MAX_REDIRECTS) throw tooManyRedirects(hop);
      hop = next;
      context = contextOf(settings, hop.url);
    }
  } catch (error) {
    limits.end();
    // Not where nothing is checked.
    const isRefusal = context.trust !== undefined && isCertificateError(error);
    throw explainHttpError(error, context, isRefusal ? await carrier.meetCertificates(context) : []);
  }
}

function contextOf({ insecure, proxies, trust }: HttpSettings, url: URL): RequestContext {
  const isChecked = !insecure && url.protocol === "https:";
  return { url, proxy: proxyFor(url, proxies), trust: isChecked ? trust() : undefined };
}

/** For an http URL there is no tunnel that could fail: the proxy answers in place of the server. */
function refuseProxyAnswer({ status }: Reply, { url, proxy }: RequestContext): void {
  if (proxy === undefined || url.protocol !== "http:" || status !== 407) return;
  throw Object.assign(new Error("the proxy asks for credentials"), { code: "ERR_PROXY_TUNNEL", status });
}

/** A request that was answered; its limits hold until the body is read. */
interface Exchange {
  reply: Reply;
  context: RequestContext;
  limits: Limits;
}

function answer(exchange: Exchange): HttpAnswer {
  const { reply, context, limits } = exchange;
  const body = chunks(exchange);
  return {
    status: reply.status,
    headers: reply.headers,
    url: context.url.href,
    body,
    text: (limit) => collect(body, limit, context),
    discard: async () => limits.end(),
  };
}

async function* chunks({ reply, context, limits }: Exchange): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    const next = async () => (reply.body === null ? undefined : (await limits.wait(reply.body.read())).value);
    for (let part = await next(); part !== undefined; part = await next()) {
      received += part.length;
      limits.arrived(part.length);
      yield part;
    }
    checkLength(reply, received, context);
  } catch (error) {
    throw explainHttpError(error, context);
  } finally {
    limits.end();
  }
}

/** Who carries it notices a cut itself, but this costs nothing and a short archive must never pass for a whole one. */
function checkLength({ headers, body }: Reply, received: number, context: RequestContext): void {
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
