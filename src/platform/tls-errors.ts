import { curlCommand, type RequestContext } from "./http-context.ts";

interface TlsExplanation {
  reason: string;
  hint: string;
}

/** Explains the code of a TLS handshake that failed; undefined for any other code. */
export function explainTls(code: string, context: RequestContext): TlsExplanation | undefined {
  if (UNTRUSTED.has(code)) return untrusted(context);
  const known = EXPLANATIONS[code];
  if (known !== undefined) return known(context.url);
  if (!/^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|INVALID_)/.test(code)) return undefined;
  const hint = `look at the certificate: \`${opensslCommand(context.url)}\``;
  return { reason: `its certificate was refused (${code})`, hint };
}

const UNTRUSTED = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

function untrusted({ trust }: RequestContext): TlsExplanation {
  const stores = trust?.files.map((path) => `\`${path}\``).join(" and ") ?? "the trust store";
  return {
    reason: `its certificate is not signed by an authority in ${stores}, or the server does not send the whole chain`,
    hint: "add the authority with `update-ca-certificates` (RHEL: `update-ca-trust`), or name its certificate with `--ca-file FILE`",
  };
}

const EXPLANATIONS: Record<string, (url: URL) => TlsExplanation> = {
  CERT_HAS_EXPIRED: () => ({
    reason: "its certificate has expired",
    hint: "renew the certificate of the server; if it is valid, set the clock of this host: `timedatectl`",
  }),
  CERT_NOT_YET_VALID: () => ({
    reason: "its certificate is not valid yet",
    hint: "set the clock of this host: `timedatectl`",
  }),
  ERR_TLS_CERT_ALTNAME_INVALID: (url) => ({
    reason: `its certificate is for another name than \`${url.hostname}\``,
    hint: `use a name that the certificate holds: \`${opensslCommand(url)}\``,
  }),
  EPROTO: (url) => ({
    reason: "the TLS handshake failed, or the port does not speak TLS",
    hint: `check the port, and that the server speaks TLS 1.2 or later: \`${curlCommand(url)}\``,
  }),
};

function opensslCommand(url: URL): string {
  const port = url.port === "" ? "443" : url.port;
  return `openssl s_client -connect ${url.hostname}:${port} </dev/null | openssl x509 -noout -text`;
}
