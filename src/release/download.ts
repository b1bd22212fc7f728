import { basename } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { HttpAnswer } from "../platform/http.ts";
import { streamSha256 } from "../platform/stream-digest.ts";
import type { World } from "../platform/world.ts";
import type { Progress } from "./progress.ts";

/** An archive on its way. */
export interface Download {
  /** Bytes, as the server announced them. */
  length: number | undefined;
  /** The archive as sent; ends without an error only if it came whole and has the digest that was asked for. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Lets go of the connection; harmless after the end. */
  discard(): Promise<void>;
}

export interface DownloadRequest {
  url: string;
  /** Lower-case hex. */
  sha256: string;
  progress: Progress;
}

/** A slow line is fine, a dead one is not. */
const STALL_LIMIT_MS = 60_000;

/**
 * Asks for an archive. Fails with `E_DOWNLOAD` when the server has none, and as `Http.get` does; while it comes also with
 * `E_CHECKSUM`. There is no limit for the whole, only for silence (updater-core §5.2).
 */
export async function startDownload(
  { http, signal }: Pick<World, "http" | "signal">,
  request: DownloadRequest,
): Promise<Download> {
  const answer = await http.get(request.url, { stallMs: STALL_LIMIT_MS, signal });
  if (answer.status !== 200) {
    await answer.discard();
    throw unexpectedStatus(answer.status, request.url);
  }
  const length = announcedLength(answer);
  return { length, chunks: () => provenChunks(answer, length, request), discard: () => answer.discard() };
}

async function* provenChunks(
  answer: HttpAnswer,
  length: number | undefined,
  { url, sha256, progress }: DownloadRequest,
): AsyncGenerator<Uint8Array> {
  const digest = streamSha256();
  let received = 0;
  progress.start(basename(new URL(answer.url).pathname), length);
  try {
    for await (const chunk of answer.body) {
      digest.update(chunk);
      received += chunk.length;
      progress.advance(chunk.length);
      yield chunk;
    }
  } finally {
    progress.end();
  }
  if (length !== undefined && received !== length) {
    throw new UpdateError("E_DOWNLOAD", `\`${url}\` ended after ${received} of ${length} bytes`, {
      hint: "the connection was cut: run the command again",
    });
  }
  const found = digest.hex();
  if (found !== sha256) {
    throw new UpdateError("E_CHECKSUM", `\`${url}\` has the SHA-256 ${found}, and ${sha256} was published for it`, {
      hint: "the download or the file on the server is damaged, or somebody replaced it: run the command again, and do not install it by hand if this stays",
    });
  }
}

function announcedLength({ headers }: HttpAnswer): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function unexpectedStatus(status: number, url: string): UpdateError {
  if (status === 404) {
    return new UpdateError("E_DOWNLOAD", `release not found: \`${url}\` (HTTP 404)`, {
      hint: "check that this version exists in this edition and for this processor, and that the mirror holds it",
    });
  }
  return new UpdateError("E_DOWNLOAD", `cannot download \`${url}\`: the server answered HTTP ${status}`, {
    hint: `look at the server's answer with \`curl -I ${url}\`, and run the command again`,
  });
}
