import type { RequestContext } from "../http-context.ts";
import { parseIp } from "../ip-address.ts";
import type { MetCertificate } from "../met-certificates.ts";
import { PROGRAM_ENVIRONMENT } from "./host-program.ts";
import { askOpenssl, OPENSSL } from "./openssl.ts";

const LIMIT_MS = 5000;
const CHAIN_LIMIT = 10;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * As of the ordinary variant, by `openssl s_client`. Never fails: empty when nothing is learned, also where the way leads through a proxy that wants a password:
 * it would have to stand on the command line.
 */
export async function meetCertificates({ url, proxy }: RequestContext): Promise<MetCertificate[]> {
  if (proxy?.protocol === "https:" || (proxy?.username ?? "") !== "") return [];
  const isName = parseIp(url.hostname) === undefined;
  const through = proxy === undefined ? [] : ["-proxy", `${proxy.hostname}:${proxy.port || "80"}`];
  try {
    const shown = await show([
      ...["-connect", `${url.hostname}:${url.port || "443"}`, "-showcerts", ...through],
      ...(isName ? ["-servername", url.hostname] : ["-noservername"]),
    ]);
    return shown.slice(0, CHAIN_LIMIT).flatMap((pem) => read(pem) ?? []);
  } catch {
    return [];
  }
}

/** The certificates that a server sends, in PEM form. At the end of its input the program closes, and has said nothing. */
async function show(args: readonly string[]): Promise<string[]> {
  const child = Bun.spawn([OPENSSL, "s_client", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    env: PROGRAM_ENVIRONMENT,
    cwd: "/",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  return (await new Response(child.stdout).text()).match(PEM_CERTIFICATE) ?? [];
}

const DESCRIBE = [
  ...["x509", "-noout", "-nameopt", "sep_multiline,sname,utf8,esc_ctrl"],
  ...["-subject", "-issuer", "-dates", "-fingerprint", "-sha256", "-ext", "subjectAltName"],
];

function read(pem: string): MetCertificate | undefined {
  const text = askOpenssl(DESCRIBE, Buffer.from(pem))?.toString();
  return text === undefined ? undefined : parseDescription(text);
}

/** Reads what `openssl x509` prints about a certificate. */
function parseDescription(text: string): MetCertificate {
  const line = (start: string) => new RegExp(`^${start}(.*)$`, "m").exec(text)?.[1] ?? "";
  return {
    subject: nameIn(text, "subject"),
    issuer: nameIn(text, "issuer"),
    names: /^X509v3 Subject Alternative Name:.*\n +(.*)$/m.exec(text)?.[1] ?? "",
    validFrom: new Date(line("notBefore=")),
    validTo: new Date(line("notAfter=")),
    fingerprint: line("sha256 Fingerprint="),
  };
}

/** `CN=…, O=…` of a name that stands in lines of its own. */
function nameIn(text: string, whose: "subject" | "issuer"): string {
  const [, lines = ""] = new RegExp(`^${whose}=\n((?: {4}.*\n)*)`, "m").exec(text) ?? [];
  const parts = lines.split("\n").map((part) => part.trim());
  return ["CN=", "O="].flatMap((key) => parts.filter((part) => part.startsWith(key))).join(", ");
}
