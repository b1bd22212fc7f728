import { statSync } from "node:fs";
import { join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { LOCAL_NAMES, makeAuthority, type ServerCertificate } from "./certificates.ts";

/**
 * A real TLS server that plays both parties of the updater: the proxy (`/webapi/find`) and the CDN (every other path is
 * a file of the release directory, with Content-Length, a strong ETag and Range).
 *
 * Stand-alone: `bun test/support/proxy-and-cdn.ts --directory DIR --listen IP:PORT --find JSONFILE --state DIR [--name NAME]...`
 * writes `ca.pem` and `address` into the state directory and serves until it gets SIGTERM or SIGINT.
 */
export interface ProxyAndCdn extends AsyncDisposable {
  /** `host:port`, as `--proxy` takes it. */
  address: string;
  /** `https://host:port`, as `--base-url` takes it. */
  baseUrl: string;
  /** PEM of the authority that the server's certificate comes from. */
  ca: string;
  /** What `find` answers from now on. */
  find: FindBody;
  /** The directory whose files are served; undefined: 404 for all. */
  releases: string | undefined;
  /** Every request so far, in order. */
  requests: RecordedRequest[];
  /** From now on `handler` answers `path`, whatever else would have; undefined gives the path back. */
  respond(path: string, handler: Handler | undefined): void;
}

/** The keys of a `find` answer that the updater reads (updater-core §5.1); a proxy may leave out each of them. */
export interface FindBody {
  auto_update?: {
    agent_version?: string;
    agent_auto_update?: boolean;
    agent_update_jitter_seconds?: number;
    /** Ours: the SHA-256 of archives by their file names. */
    agent_digests?: Record<string, string>;
  };
  edition?: string;
  fips?: boolean;
}

export interface RecordedRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
}

export type Handler = (request: Request) => Response | Promise<Response>;

interface ServerOptions {
  /** A fresh authority and a certificate for this machine's own names when absent. */
  certificates?: ServerCertificate;
  /** Address to listen on; 127.0.0.1 when absent. */
  hostname?: string;
  /** A free one when absent. */
  port?: number;
  releases?: string;
}

/** Starts the server; it answers `{}` to `find` until told otherwise. */
export async function startProxyAndCdn(options: ServerOptions = {}): Promise<ProxyAndCdn> {
  const certificates = options.certificates ?? (await (await makeAuthority()).issue());
  const overrides = new Map<string, Handler>();
  const server = Bun.serve({
    hostname: options.hostname ?? "127.0.0.1",
    port: options.port ?? 0,
    tls: { cert: certificates.cert, key: certificates.key },
    // A test that stalls on purpose must be ended by the client, not by us.
    idleTimeout: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      state.requests.push(record(request));
      const override = overrides.get(pathname);
      if (override !== undefined) return override(request);
      if (FIND_PATHS.includes(pathname)) return Response.json(state.find);
      return serveFile(request, state.releases, pathname);
    },
  });
  const address = `${urlHost(server.hostname ?? "127.0.0.1")}:${server.port}`;
  const state: ProxyAndCdn = {
    address,
    baseUrl: `https://${address}`,
    ca: certificates.ca,
    find: {},
    releases: options.releases,
    requests: [],
    respond(path, handler) {
      if (handler === undefined) overrides.delete(path);
      else overrides.set(path, handler);
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
  return state;
}

/** The answer of a cluster that wants `version`; in its window, without jitter, community edition unless told otherwise. */
export function advertise(
  version: string,
  options: { inWindow?: boolean; jitterSeconds?: number; edition?: string; fips?: boolean } = {},
): FindBody {
  return {
    auto_update: {
      agent_version: version,
      agent_auto_update: options.inWindow ?? true,
      agent_update_jitter_seconds: options.jitterSeconds ?? 0,
    },
    edition: options.edition ?? "community",
    fips: options.fips ?? false,
  };
}

const FIND_PATHS = ["/webapi/find", "/v1/webapi/find"];

function record(request: Request): RecordedRequest {
  const url = new URL(request.url);
  return {
    method: request.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: Object.fromEntries(request.headers),
  };
}

function serveFile(request: Request, directory: string | undefined, pathname: string): Response {
  const path = normalize(decodeURIComponent(pathname));
  const at = directory === undefined ? undefined : join(directory, path);
  const stat = at === undefined ? undefined : statSync(at, { throwIfNoEntry: false });
  if (at === undefined || !stat?.isFile()) return new Response("not found\n", { status: 404 });

  const etag = `"${stat.size.toString(16)}-${Math.round(stat.mtimeMs * 1000).toString(16)}"`;
  const headers = { etag, "accept-ranges": "bytes", "content-type": "application/octet-stream" };
  const start = rangeStart(request, etag);
  if (start === 0) return new Response(Bun.file(at), { headers });
  if (start >= stat.size) {
    return new Response(null, { status: 416, headers: { ...headers, "content-range": `bytes */${stat.size}` } });
  }
  return new Response(Bun.file(at).slice(start), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${stat.size - 1}/${stat.size}` },
  });
}

/** Only what a resumed download asks for: `bytes=N-`, unless `If-Range` names another file than the one we have. */
function rangeStart(request: Request, etag: string): number {
  const condition = request.headers.get("if-range");
  if (condition !== null && condition !== etag) return 0;
  return Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
}

function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: "string" },
      listen: { type: "string", default: "127.0.0.1:0" },
      find: { type: "string" },
      state: { type: "string" },
      name: { type: "string", multiple: true, default: [] },
    },
  });
  const { directory, listen, find, state, name } = values;
  if (directory === undefined || find === undefined || state === undefined) {
    throw new Error("--directory DIR, --find JSONFILE and --state DIR are needed");
  }
  const { hostname, port } = splitListen(listen);
  const names = [...new Set([hostname, ...name, ...LOCAL_NAMES])];
  const server = await startProxyAndCdn({
    certificates: await (await makeAuthority()).issue(names),
    hostname,
    port,
    releases: directory,
  });
  // Read anew for each request, so that whoever runs us can change the cluster's mind.
  const findHandler = async () => Response.json(await Bun.file(find).json());
  for (const path of FIND_PATHS) server.respond(path, findHandler);
  await Bun.write(join(state, "ca.pem"), server.ca);
  await Bun.write(join(state, "address"), `${server.address}\n`);
  console.log(`serving on ${server.baseUrl}`);
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => server[Symbol.asyncDispose]().then(() => process.exit(0)));
  }
}

function splitListen(listen: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(`tcp://${listen}`);
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}

if (import.meta.main) await main();
