import { UpdateError } from "../platform/errors.ts";
import type { HttpAnswer, HttpOptions } from "../platform/http.ts";
import { parseHttpDate } from "../platform/http-status.ts";
import { type RetryWorld, withRetries } from "../platform/retry.ts";
import type { World } from "../platform/world.ts";
import { ResumedArchive } from "./resumed-archive.ts";
import { shownUrl, unexpectedStatus } from "./server-errors.ts";
import type { ReleaseSource, SourceText } from "./source.ts";

/** What goes along with every request to a place, and with none to another origin. */
export type Shown = Pick<HttpOptions, "headers" | "certificate">;

export type SourceWorld = Pick<World, "http"> & RetryWorld;

const TEXT_LIMIT_MS = 30_000;

/** A base URL that holds releases; `shown` are the credentials for it. What may pass is tried again, and said. */
export function httpSource(world: SourceWorld, baseUrl: string, shown: Shown = {}): ReleaseSource {
  const urlOf = (name: string) => `${baseUrl.replace(/\/$/, "")}/${name}`;
  const locate = (name: string) => shownUrl(urlOf(name));
  const source: ReleaseSource = {
    locate,
    async readText(name, limit) {
      const found = await withRetries(world, locate(name), () => readText(world, urlOf(name), shown, limit));
      return found && { ...found, giver: source };
    },
    async open(name, begun) {
      const archive = new ResumedArchive(world, urlOf(name), shown, begun);
      await withRetries(world, locate(name), () => archive.ask());
      return archive;
    },
  };
  return source;
}

async function readText(
  { http, signal }: SourceWorld,
  url: string,
  shown: Shown,
  limit: number,
): Promise<Omit<SourceText, "giver"> | undefined> {
  const answer = await http.get(url, { ...shown, timeoutMs: TEXT_LIMIT_MS, signal });
  if (answer.status === 200) return { text: await smallText(answer, url, limit), modified: modifiedAt(answer) };
  await answer.discard();
  if (answer.status === 404) return undefined;
  throw unexpectedStatus(answer, url);
}

/** A file that is too large is a matter of what lies there, not of the network. */
async function smallText({ body }: HttpAnswer, url: string, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) {
      throw new UpdateError("E_DOWNLOAD", `\`${shownUrl(url)}\` is larger than ${limit} bytes, and no such file is`, {
        hint: "check the address, and whether a portal or proxy in between answers in the server's place",
      });
    }
    parts.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

function modifiedAt({ headers }: HttpAnswer): Date | undefined {
  const value = headers.get("last-modified");
  return value === null ? undefined : parseHttpDate(value);
}
