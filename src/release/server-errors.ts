import { UpdateError } from "../platform/errors.ts";
import type { HttpAnswer } from "../platform/http.ts";
import { describeUrl } from "../platform/http-context.ts";
import { explainStatus } from "../platform/http-status.ts";

/** The address of a file for messages and the log: without what it may hold of credentials. */
export function shownUrl(url: string): string {
  return describeUrl(new URL(url));
}

/** For an answer that stands in place of the archive at `url`. */
export function notTheArchive(answer: HttpAnswer, url: string): UpdateError {
  if (answer.status !== 404) return unexpectedStatus(answer, url);
  return new UpdateError("E_DOWNLOAD", `release not found: \`${shownUrl(url)}\` (HTTP 404)`, {
    hint: "check that this version exists in this edition and for this processor, and that the mirror holds it",
  });
}

/** For an answer whose status says that it is not the file at `url`. */
export function unexpectedStatus(answer: HttpAnswer, url: string): UpdateError {
  const { reason, hint, retryAfterMs } = explainStatus(answer);
  return new UpdateError("E_DOWNLOAD", `cannot download \`${shownUrl(url)}\`: the server answered ${reason}`, {
    hint,
    retryAfterMs,
  });
}
