import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority } from "./certificates.ts";
import { makeUpdaterRelease, type UpdaterRelease } from "./updater-release.ts";

/** An https server that has a release of the updater below any path, and notes what it is asked. */
export interface TarballServer extends AsyncDisposable {
  release: UpdaterRelease;
  url: string;
  /** The certificate of its authority, as PEM. */
  ca: string;
  /** The path of each, and behind it its `Authorization`, where there was one; empty again afterwards. */
  takeRequests(): string[];
  /** What it answers in place of the file, where that is defined. */
  answer: ((path: string) => Answer | undefined) | undefined;
}

interface Answer {
  /** 200 when absent. */
  status?: number;
  location?: string;
  /** Seconds that the client is to wait. */
  retryAfter?: string;
  body?: string;
  /** The line is cut in the middle of the body. */
  isCut?: boolean;
}

type Release = Omit<Parameters<typeof makeUpdaterRelease>[1], "place">;

/** Starts it; below `/default` lies what the install script takes without a mirror. `name` is of its certificate. */
export async function startTarballServer(release: Release, name = "127.0.0.1"): Promise<TarballServer> {
  const folder = mkdtempSync(join(tmpdir(), "tarballs-"));
  // A store finds an authority by its name, and two servers may be trusted at once.
  const { ca, cert, key } = await (await makeAuthority(`Authority ${crypto.randomUUID()}`)).issue([name]);
  const requests: string[] = [];
  const server = createServer({ cert, key }, ({ url = "/", headers }, response) => {
    requests.push([url, headers.authorization ?? ""].join(" ").trim());
    const {
      status = 200,
      location,
      retryAfter,
      body,
      isCut = false,
    } = started.answer?.(url) ?? fileAnswer(folder, url);
    const content = Buffer.from(body ?? "", "latin1");
    const length = content.length + (isCut ? 100 : 0);
    response.writeHead(status, {
      "Content-Length": length,
      ...(location !== undefined && { Location: location }),
      ...(retryAfter !== undefined && { "Retry-After": retryAfter }),
    });
    if (isCut) response.write(content, () => response.destroy());
    else response.end(content);
  });
  const url = `https://${name}:${await listening(server)}`;
  const started: TarballServer = {
    release: await makeUpdaterRelease(folder, { ...release, place: `${url}/default` }),
    ...{ url, ca, answer: undefined },
    takeRequests: () => requests.splice(0),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
  return started;
}

function fileAnswer(folder: string, url: string): Answer {
  const path = join(folder, url.split("/").at(-1) ?? "");
  return existsSync(path) ? { body: readFileSync(path, "latin1") } : { status: 404 };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
