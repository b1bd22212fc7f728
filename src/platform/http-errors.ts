import { proxyVariable } from "./connect-proxy.ts";
import { type ErrorCode, systemErrorCode, UpdateError } from "./errors.ts";
import { curlCommand, describeRequest, type RequestContext } from "./http-context.ts";
import { describeRetryAfter, type RetryAfter } from "./http-status.ts";
import type { MetCertificate } from "./met-certificates.ts";
import { quote } from "./quote.ts";
import { explainTls } from "./tls-errors.ts";

/**
 * Turns what `fetch` or a body throws into an `UpdateError` in words: which URL, why, and what to do. `chain` are the
 * certificates that the server shows, where the failure is about them.
 */
export function explainHttpError(
  error: unknown,
  context: RequestContext,
  chain: readonly MetCertificate[] = [],
): UpdateError {
  if (error instanceof UpdateError) return error;
  const { code, reason, hint } = explain(error, context, chain);
  return new UpdateError(code, `cannot fetch ${describeRequest(context)}: ${reason}`, {
    hint,
    cause: error,
    retryAfterMs: isPassing(error) ? (tunnelWait(error)?.milliseconds ?? 0) : undefined,
  });
}

/** Why a request failed, and what to do. */
interface Explanation {
  code: ErrorCode;
  reason: string;
  hint: string;
}

function explain(error: unknown, context: RequestContext, chain: readonly MetCertificate[]): Explanation {
  const code = systemErrorCode(error) ?? "";
  const known = explainProxy(code, error, context) ?? explainConnection(code, context.url);
  if (known !== undefined) return known;
  const tls = explainTls(code, context, chain);
  if (tls !== undefined) return { code: "E_TLS", ...tls };
  const lie = NOT_HTTP[code];
  if (lie !== undefined) return { code: "E_NETWORK", reason: lie, hint: NOT_HTTP_HINT };
  return {
    code: "E_NETWORK",
    reason: `the request failed (${code === "" ? quote(String(error)) : code})`,
    hint: `look at the connection: \`${curlCommand(context.url)}\``,
  };
}

/** Codes of an answer that no server would give that follows the rules. */
const NOT_HTTP: Record<string, string> = {
  InvalidContentLength: "its answer gives two lengths, or one that is no number",
  ResponseHeadersTooLarge: "the head of its answer is too large, or has no end",
  Malformed_HTTP_Response: "the head of its answer is no HTTP, or holds control characters",
  InvalidHTTPResponse: "the parts of its answer are no HTTP",
  UnrequestedUpgrade: "it switched to another protocol that nobody asked for",
};
const NOT_HTTP_HINT =
  "check the address and the port, and whether a portal or proxy in between answers in the server's place";

/** Codes of a connection that was never made: with a CONNECT proxy it is the proxy that was not reached. */
const NOT_REACHED: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "the name was not found",
  EAI_AGAIN: "the name server did not answer",
  ETIMEDOUT: "the connection timed out",
  ENETUNREACH: "there is no route to its network",
  EHOSTUNREACH: "there is no route to it",
  FailedToOpenSocket: "no connection could be opened",
};

/** A cut, or a server that is just being restarted; a name that does not exist stays so. */
function isPassing(error: unknown): boolean {
  const code = systemErrorCode(error) ?? "";
  if (code === "ERR_PROXY_TUNNEL") return [429, 500, 502, 503, 504].includes(tunnelStatus(error) ?? 0);
  return code === "ECONNRESET" || (code in NOT_REACHED && code !== "ENOTFOUND");
}

function explainProxy(code: string, error: unknown, { url, proxy }: RequestContext): Explanation | undefined {
  if (code === "ERR_PROXY_TUNNEL") return explainTunnel(error, url);
  const reason = NOT_REACHED[code];
  if (proxy === undefined || reason === undefined) return undefined;
  return {
    code: "E_CONNECT_PROXY",
    reason: `the proxy was not reached: ${reason}`,
    hint: `check the address in \`${proxyVariable(url)}\`, and the proxy; \`NO_PROXY\` spares a host from it`,
  };
}

/** Bun puts the status of the proxy's answer on the error. */
function tunnelStatus(error: unknown): number | undefined {
  return error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : undefined;
}

/** When the proxy wants to be asked again; Bun puts the headers of its answer on the error, curl does not tell them. */
function tunnelWait(error: unknown): RetryAfter | undefined {
  const headers = error instanceof Error && "headers" in error ? error.headers : undefined;
  return headers instanceof Headers ? describeRetryAfter(headers.get("retry-after")) : undefined;
}

function explainTunnel(error: unknown, url: URL): Explanation {
  const status = tunnelStatus(error);
  const wait = isPassing(error) ? tunnelWait(error) : undefined;
  return {
    code: "E_CONNECT_PROXY",
    reason: `the proxy refused to open a tunnel (status ${status})${wait === undefined ? "" : `, try again ${wait.words}`}`,
    hint:
      status === 407 || status === 401
        ? `give the proxy's user name and password: \`${proxyVariable(url)}=http://USER:PASSWORD@HOST:PORT\``
        : "let the proxy allow this host, or spare the host from the proxy with `NO_PROXY`",
  };
}

function explainConnection(code: string, url: URL): Explanation | undefined {
  const reason = NOT_REACHED[code];
  if (code === "ECONNRESET") {
    const hint = `run the command again; when it is cut each time, look for a firewall in between: \`${curlCommand(url)}\``;
    return { code: "E_NETWORK", reason: "the connection was cut", hint };
  }
  if (reason === undefined) return undefined;
  const check =
    code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `check the name and the resolver of this host: \`getent hosts ${url.hostname}\``
      : `check that a server listens there: \`${curlCommand(url)}\``;
  return { code: "E_NETWORK", reason, hint: `${check}; where only a proxy leads out, set \`${proxyVariable(url)}\`` };
}
