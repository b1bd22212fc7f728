import { systemErrorCode } from "./errors.ts";
import { curlCommand, type RequestContext } from "./http-context.ts";
import type { MetCertificate } from "./met-certificates.ts";
import { quote } from "./quote.ts";

interface TlsExplanation {
  reason: string;
  hint: string;
}

/** Whether a request failed because of the certificate that the server showed. */
export function isCertificateError(error: unknown): boolean {
  const code = systemErrorCode(error) ?? "";
  return UNTRUSTED.has(code) || code in ABOUT_CERTIFICATES;
}

/** Explains the code of a TLS handshake that failed, with the `chain` that was met, if any; undefined for any other code. */
export function explainTls(
  code: string,
  context: RequestContext,
  chain: readonly MetCertificate[],
): TlsExplanation | undefined {
  if (UNTRUSTED.has(code)) return untrusted(context, chain);
  const known = ABOUT_CERTIFICATES[code];
  if (known !== undefined) return known(context.url, chain);
  if (code === "EPROTO") return noTls(context.url);
  if (!/^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|INVALID_)/.test(code)) return undefined;
  const hint = `look at the certificate: \`${opensslCommand(context.url)}\``;
  return { reason: `its certificate was refused (${code})`, hint };
}

/** Characters of a name in a certificate that are shown. */
const NAME_LIMIT = 200;

const UNTRUSTED = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  // The store has an authority of that name, with another key.
  "CERT_SIGNATURE_FAILURE",
]);

/** An intercepting proxy shows itself here: by the name of its authority, where that of a public one is expected. */
function untrusted({ trust }: RequestContext, chain: readonly MetCertificate[]): TlsExplanation {
  const stores = trust?.files.map((path) => `\`${path}\``).join(" and ") ?? "the trust store";
  const reason = `its certificate is not signed by an authority in ${stores}, or the server does not send the whole chain`;
  const add =
    "add the authority with `update-ca-certificates` (RHEL: `update-ca-trust`), or name its certificate with `--ca-file FILE`";
  const top = chain.at(-1);
  if (top === undefined) return { reason, hint: add };
  const whose =
    top.subject === top.issuer
      ? "that authority's own certificate"
      : `the certificate of ${quote(top.subject, NAME_LIMIT)}`;
  return {
    reason: `${reason}: it was issued by ${quote(top.issuer, NAME_LIMIT)} (${whose} has the SHA-256 fingerprint ${top.fingerprint})`,
    hint: `if this is the authority of your own network, or of a proxy that opens TLS, get the certificate of that authority from its owner (not from this connection) and ${add}; if it is not, somebody is in between`,
  };
}

type Explain = (url: URL, chain: readonly MetCertificate[]) => TlsExplanation;

const ABOUT_CERTIFICATES: Record<string, Explain> = {
  CERT_HAS_EXPIRED: (_, chain) => {
    const old = chain.find(({ validTo }) => validTo.getTime() < Date.now());
    const since = old === undefined ? "" : `: that of ${quote(old.subject)} was valid until ${time(old.validTo)}`;
    return {
      reason: `its certificate has expired${since}`,
      hint: "renew the certificate of the server; if it is valid, set the clock of this host: `timedatectl`",
    };
  },
  CERT_NOT_YET_VALID: (_, chain) => {
    const early = chain.find(({ validFrom }) => validFrom.getTime() > Date.now());
    const from =
      early === undefined ? "" : `: that of ${quote(early.subject)} is valid from ${time(early.validFrom)} on`;
    return { reason: `its certificate is not valid yet${from}`, hint: "set the clock of this host: `timedatectl`" };
  },
  ERR_TLS_CERT_ALTNAME_INVALID: (url, [own]) => {
    const has =
      own === undefined
        ? ""
        : `, it has ${own.names === "" ? "none" : quote(own.names, NAME_LIMIT)} and was issued by ${quote(own.issuer, NAME_LIMIT)}`;
    return {
      reason: `its certificate is for another name than \`${url.hostname}\`${has}`,
      hint: `use a name that the certificate holds: \`${opensslCommand(url)}\``,
    };
  },
};

function noTls(url: URL): TlsExplanation {
  return {
    reason: "the TLS handshake failed, or the port does not speak TLS",
    hint: `check the port, and that the server speaks TLS 1.2 or later: \`${curlCommand(url)}\``,
  };
}

function time(date: Date): string {
  return Number.isNaN(date.getTime()) ? "an unreadable date" : date.toISOString();
}

function opensslCommand(url: URL): string {
  const port = url.port === "" ? "443" : url.port;
  return `openssl s_client -connect ${url.hostname}:${port} </dev/null | openssl x509 -noout -text`;
}
