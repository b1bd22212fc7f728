import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../support/must.ts";

/** Made by the package. */
const USER = "proxy";
const PROGRAMS = "/usr/lib/squid";

/** A real forward proxy, as sites have it. */
export interface Squid extends AsyncDisposable {
  /** For `HTTPS_PROXY`, with user name and password where it asks for them. */
  url: string;
  /** Where it opens TLS: the certificate of the authority that it signs with, as PEM; else empty. */
  ca: string;
  /**
   * What it noted so far: method, destination and outcome of each request that has ended, and began at `since` (of
   * `Date.now`) or later. A tunnel is noted some time after its client is done with it.
   */
  noted(since: number): string[];
  /** Ends squid, so that it has written all, and answers what it noted. */
  accessLog(): Promise<string[]>;
}

interface SquidOptions {
  /** `user:password`, which it asks of everybody. */
  credentials?: string;
  /** Opens TLS, with certificates of an authority of its own; it trusts the authority given here, as PEM. */
  opensTls?: string;
  port?: number;
}

/** Starts squid on `address`; it alone knows the addresses of the `names`. Fails with what it said when it does not come up. */
export async function startSquid(
  address: string,
  names: Record<string, string>,
  options: SquidOptions = {},
): Promise<Squid> {
  const { credentials, opensTls, port = await freePort() } = options;
  const folder = mkdtempSync(join(tmpdir(), "squid-"));
  const at = (name: string) => join(folder, name);
  const owner = Number(await must(["id", "-u", USER]));
  const hosts = Object.entries(names).map(([name, target]) => `${target} ${name}\n`);
  writeFileSync(at("hosts"), hosts.join(""));
  chownSync(folder, owner, 0);
  const access = credentials === undefined ? "http_access allow all" : await askFor(credentials, at);
  const tls = opensTls === undefined ? "" : await openTls(opensTls, owner, at);
  writeFileSync(
    at("squid.conf"),
    `${access}
http_port ${address}:${port} ${tls}
hosts_file ${at("hosts")}
visible_hostname squid.test
cache deny all
logformat short %tS %rm %ru %>Hs
access_log stdio:${at("access.log")} short
cache_log ${at("cache.log")}
coredump_dir ${folder}
pid_filename none
shutdown_lifetime 0 seconds
`,
  );
  const squid = Bun.spawn([...AS_ITS_USER, "squid", "-N", "-d", "1", "-f", at("squid.conf")], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stop = async () => {
    squid.kill("SIGTERM");
    await squid.exited;
  };
  try {
    await listening(squid.stderr);
  } catch (error) {
    await stop();
    rmSync(folder, { recursive: true });
    throw error;
  }
  const noted = (since: number) => {
    const lines = readFileSync(at("access.log"), "utf8").split("\n").filter(Boolean);
    const began = (line: string) => Math.round(1000 * Number.parseFloat(line));
    return lines.filter((line) => began(line) >= since).map((line) => line.slice(line.indexOf(" ") + 1));
  };
  return {
    url: `http://${credentials === undefined ? "" : `${credentials}@`}${address}:${port}`,
    ca: opensTls === undefined ? "" : readFileSync(at("ca.pem"), "utf8"),
    noted,
    async accessLog() {
      await stop();
      return noted(0);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** From the start: a process that drops root by itself would outlive a test that is killed. */
const AS_ITS_USER = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--pdeathsig", "KILL"];

async function askFor(credentials: string, at: (name: string) => string): Promise<string> {
  const [user = "", password = ""] = credentials.split(":");
  writeFileSync(at("passwords"), `${user}:${await must(["openssl", "passwd", "-6", password])}`);
  return `auth_param basic program ${PROGRAMS}/basic_ncsa_auth ${at("passwords")}
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all`;
}

/** The words of the port that open TLS. Needs the squid that is built with OpenSSL. */
async function openTls(trusted: string, owner: number, at: (name: string) => string): Promise<string> {
  writeFileSync(at("trusted.pem"), trusted);
  await must([
    ...["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${OPENING_AUTHORITY}`],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", at("ca.key"), "-out", at("ca.pem")],
  ]);
  chownSync(at("ca.key"), owner, 0);
  const store = ["-s", at("certificates"), "-M", "4MB"];
  await must([...AS_ITS_USER, `${PROGRAMS}/security_file_certgen`, "-c", ...store]);
  const certificate = `tls-cert=${at("ca.pem")} tls-key=${at("ca.key")}`;
  return `ssl-bump ${certificate} generate-host-certificates=on
sslcrtd_program ${PROGRAMS}/security_file_certgen ${store.join(" ")}
sslcrtd_children 1
tls_outgoing_options cafile=${at("trusted.pem")}
ssl_bump bump all`;
}

/** The name of the authority of a squid that opens TLS. */
export const OPENING_AUTHORITY = "Authority of the opening proxy";

async function listening(stderr: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (/Accepting .*HTTP Socket connections/.test(said)) return;
  }
  throw new Error(`squid did not come up:\n${said}`);
}

/** Not squid's own: one of the test machine may have that on every address, and two runs must not meet. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
