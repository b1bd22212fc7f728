import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerCertificate } from "./certificates.ts";

/** A real nginx that serves one folder three times over TLS, as mirrors are set up. */
export interface Nginx extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`: for everybody, for who knows the password, for who shows a certificate of the authority. */
  urls: Record<MirrorKind, string>;
  /** What was answered so far, in order. Asks nginx once more, for `MARKER`: what it answers after that is noted by then. */
  accessLog(): Promise<AccessLine[]>;
}

export type MirrorKind = (typeof KINDS)[number];
const KINDS = ["plain", "basic", "certificate"] as const;

/** A path that nobody else asks for. */
const MARKER = "/marker";

export interface AccessLine {
  mirror: MirrorKind;
  status: number;
  path: string;
  /** The headers of that name; empty without. */
  range: string;
  ifRange: string;
}

/** What opens the mirror with a password. */
export const MIRROR_LOGIN = { login: "lab", password: "hunter2" } as const;

/** Why there can be no nginx here, or undefined. */
export function nginxObstacle(): string | undefined {
  return nginxProgram() === null ? "`nginx` is not installed" : undefined;
}

/** Starts nginx on free ports of 127.0.0.1; fails with what it said when it does not come up. */
export async function startNginx(releases: string, certificate: ServerCertificate): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), "nginx-"));
  const ports = await freePorts();
  writeFileSync(join(folder, "cert.pem"), certificate.cert);
  writeFileSync(join(folder, "key.pem"), certificate.key, { mode: 0o600 });
  writeFileSync(join(folder, "ca.pem"), certificate.ca);
  writeFileSync(join(folder, "passwords"), `${MIRROR_LOGIN.login}:{PLAIN}${MIRROR_LOGIN.password}\n`);
  const nginx = await runNginx(folder, configuration(folder, releases, ports));
  return {
    urls: {
      plain: `https://127.0.0.1:${ports.plain}`,
      basic: `https://127.0.0.1:${ports.basic}`,
      certificate: `https://127.0.0.1:${ports.certificate}`,
    },
    async accessLog() {
      await (await fetch(`https://127.0.0.1:${ports.plain}${MARKER}`, { tls: { ca: certificate.ca } })).bytes();
      return readAccessLog(join(folder, "access.log"), ports).filter(({ path }) => path !== MARKER);
    },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
}

/**
 * Runs nginx in `folder`, which goes with it, with what `http { }` is to hold, besides what any nginx of a test needs. Fails with
 * what it said when it does not come up.
 */
export async function runNginx(folder: string, http: string): Promise<AsyncDisposable> {
  const program = nginxProgram();
  if (program === null) throw new Error("`nginx` is not installed: `apt-get install nginx-light`");
  mkdirSync(join(folder, "temp"));
  writeFileSync(join(folder, "nginx.conf"), aroundHttp(folder, http));
  const nginx = Bun.spawn(
    // One process, which ends with the test even when that is killed.
    [...["setpriv", "--pdeathsig", "KILL"], program, "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stop = async () => {
    nginx.kill("SIGTERM");
    await nginx.exited;
    rmSync(folder, { recursive: true });
  };
  try {
    await listening(nginx.stderr);
  } catch (error) {
    await stop();
    throw error;
  }
  return { [Symbol.asyncDispose]: stop };
}

type Ports = Record<MirrorKind, number>;

/** Debian keeps it where only root looks. */
function nginxProgram(): string | null {
  return Bun.which("nginx", { PATH: `${process.env["PATH"]}:/usr/sbin` });
}

function configuration(folder: string, releases: string, ports: Ports): string {
  const server = (port: number, ...more: string[]) =>
    `  server { listen 127.0.0.1:${port} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; ${more.join(" ")} }\n`;
  return `  root ${releases};
  log_format short '$server_port $status $uri "$http_range" $http_if_range';
  access_log ${folder}/access.log short;
${server(ports.plain)}${server(
  ports.basic,
  "auth_basic mirror;",
  "auth_basic_user_file passwords;",
)}${server(ports.certificate, "ssl_client_certificate ca.pem;", "ssl_verify_client on;")}`;
}

function aroundHttp(folder: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${folder}/temp/${name};\n`,
  );
  return `daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr notice;
events {}
http {
${temporary.join("")}${http}}
`;
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  return (await freePorts()).plain;
}

async function freePorts(): Promise<Ports> {
  // All are held at once, so that they differ.
  const servers = await Promise.all(
    KINDS.map(async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const [plain = 0, basic = 0, certificate = 0] = servers.map((server) => {
    const at = server.address();
    server.close();
    return at === null || typeof at === "string" ? 0 : at.port;
  });
  return { plain, basic, certificate };
}

/** nginx listens before it says how it waits for events. */
async function listening(stderr: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("event method")) return;
  }
  throw new Error(`nginx did not come up:\n${said}`);
}

function readAccessLog(path: string, ports: Ports): AccessLine[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, port, status, uri, range = "", ifRange = ""] = /^(\d+) (\d+) (\S+) "(.*)" (.*)$/.exec(line) ?? [];
      const mirror = KINDS.find((kind) => ports[kind] === Number(port));
      if (mirror === undefined || uri === undefined) return [];
      const given = (header: string) => (header === "-" ? "" : header);
      // nginx writes a quote in a header as `\x22`.
      const tag = given(ifRange).replaceAll("\\x22", '"');
      return [{ mirror, status: Number(status), path: uri, range: given(range), ifRange: tag }];
    });
}
