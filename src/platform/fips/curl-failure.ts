/** Why curl ended without the whole of an answer, by a code that `explainHttpError` knows. */
export interface CurlFailure extends Error {
  code: string;
  /** Of the proxy's answer, where it refused a tunnel. */
  status?: number;
}

/** Reads the exit status of curl and what it said on stderr, its report included. */
export function curlFailure(exitCode: number, said: string): CurlFailure {
  const error = new Error(/^curl: \(\d+\) (.+)$/m.exec(said)?.[1] ?? `curl ended with ${exitCode}`);
  const [, connect = "0", verified = "0"] = /^report (\d+) (\d+)$/m.exec(said) ?? [];
  const status = Number(connect);
  if (status !== 0 && (status < 200 || status >= 300))
    return Object.assign(error, { code: "ERR_PROXY_TUNNEL", status });
  return Object.assign(error, { code: codeOf(exitCode, Number(verified), said) });
}

function codeOf(exitCode: number, verified: number, said: string): string {
  switch (exitCode) {
    case NOT_CONNECTED:
    case HANDSHAKE_FAILED: {
      const reason = REASONS.find(([words]) => words.test(said));
      return reason?.[1] ?? (exitCode === NOT_CONNECTED ? "FailedToOpenSocket" : "EPROTO");
    }
    case NOT_BELIEVED:
      // The name is compared by curl itself.
      return /subject name|does not match/i.test(said)
        ? OTHER_NAME
        : (CERTIFICATE_CODES[verified] ?? `CERT_REFUSED_${verified}`);
    case BROKEN:
      return /\btoo large\b/i.test(said) ? "ResponseHeadersTooLarge" : "ECONNRESET";
    default:
      return CODES[exitCode] ?? `curl exit status ${exitCode}`;
  }
}

const NOT_CONNECTED = 7;
const HANDSHAKE_FAILED = 35;
const BROKEN = 56;
const NOT_BELIEVED = 60;
const OTHER_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** Exit statuses that say it all, as the manual of curl numbers them. */
const CODES: Record<number, string> = {
  1: "Malformed_HTTP_Response",
  5: "ENOTFOUND",
  6: "ENOTFOUND",
  8: "Malformed_HTTP_Response",
  16: "ECONNRESET",
  18: "ECONNRESET",
  28: "ETIMEDOUT",
  52: "ECONNRESET",
  55: "ECONNRESET",
  92: "ECONNRESET",
  100: "ResponseHeadersTooLarge",
};

/** What the system or OpenSSL says against a connection; some releases of curl pass it on, others say the same of all. */
const REASONS: readonly [words: RegExp, code: string][] = [
  // A signature that the key of a trusted name did not make: a broken handshake to some releases of curl.
  [/\b(rsa|asn1 encoding) routines\b/i, "CERT_SIGNATURE_FAILURE"],
  [/connection refused/i, "ECONNREFUSED"],
  [/timed out/i, "ETIMEDOUT"],
  [/network is unreachable/i, "ENETUNREACH"],
  [/no route to host/i, "EHOSTUNREACH"],
  [/connection reset/i, "ECONNRESET"],
];

/** The numbers of X509_V_ERR that OpenSSL has for what is wrong with a certificate. */
const CERTIFICATE_CODES: Record<number, string> = {
  2: "UNABLE_TO_GET_ISSUER_CERT",
  7: "CERT_SIGNATURE_FAILURE",
  9: "CERT_NOT_YET_VALID",
  10: "CERT_HAS_EXPIRED",
  18: "DEPTH_ZERO_SELF_SIGNED_CERT",
  19: "SELF_SIGNED_CERT_IN_CHAIN",
  20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  62: OTHER_NAME,
};
